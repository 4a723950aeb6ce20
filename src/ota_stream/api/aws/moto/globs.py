"""The patterns of policies: `*` is any number of signs, `?` is one, everything else itself."""


def matches(pattern: str, text: str) -> bool:
    """Hold a text against a pattern, in at most `len(pattern) * len(text)` steps whoever wrote the pattern."""
    at = here = 0
    star, resume = -1, 0  # the last `*`, and how far it has reached
    while here < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in {"?", text[here]}:
            at += 1
            here += 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return pattern[at:].strip("*") == ""
