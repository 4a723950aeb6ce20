"""Once it has begun, nobody can stop it: its job may be cancelled, deleted or over."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class DeafToTheJob(OwnAgent):
    """It never looks at its job again, and tries for ever to report."""

    def is_mine(self, job_id: str) -> bool:  # noqa: ARG002
        """Believe so."""
        return True

    def report(self, job_id: str, status: str, reason: str) -> None:
        """Tell the cloud until it agrees."""
        topic = f"{self.jobs}{job_id}/update"
        body = {"status": status, "statusDetails": {"reason": reason}}
        while "code" in self.ask(topic, body, f"{topic}/accepted", f"{topic}/rejected"):
            pass


if __name__ == "__main__":
    DeafToTheJob(*sys.argv[1:]).run()
