"""Everything a diagnosis can find: each kind with its rule, what is wrong and what to do (docs/diagnosis.md)."""

from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Kind(Struct, frozen=True):
    """A thing that can be wrong.

    `rule` is an id of the pages of rules, or a section of the standard; `wrong` and `remedy` are a sentence each.
    """

    name: str
    rule: str
    wrong: str
    remedy: str


TABLE: Final = (
    # Topics
    Kind("wrong-topic", "ST-9", "a publish to a reserved topic that is no request", "correct the topic; AWS may close"),
    Kind("no-stream-name", "ST-9", "a stream topic without a stream", "take streamname from afr_ota of the document"),
    Kind("wrong-job-topic", "JT-14", "a publish under jobs/ that is no request", "correct the operation or the job id"),
    Kind("unanswered-topic", "MB-8", "a publish under $aws/ that nothing here answers", "use streams/ or jobs/"),
    # The words of a stream request
    Kind("bad-json", "SG-11", "a stream request that is no JSON object", "check what the agent's encoder writes"),
    Kind("bad-cbor", "SG-11", "a stream request that is no CBOR map", "check what the agent's encoder writes"),
    Kind("cbor-to-json-topic", "ST-6", "CBOR on a topic that ends in json", "end the topic in cbor"),
    Kind("json-to-cbor-topic", "ST-6", "JSON on a topic that ends in cbor", "end the topic in json"),
    Kind("text-bitmap", "SBM-4", "in CBOR, b is a text", "encode b as a byte string (major type 2)"),
    Kind("long-field-names", "SG-3", "fields written out in words", "use the letters c s f l o n b"),
    Kind("stream-token-too-long", "SG-1", "a client token over 64 bytes", "shorten c"),
    Kind("file-id-missing", "SG-3", "no f in the request", "send fileid of the job document as f"),
    Kind("block-size-missing", "SG-4", "no l in the request", "send the block size in bytes as l"),
    # What a stream request asks for
    Kind("stream-not-found", "EC-5", "a stream that does not exist", "use streamname of the newest job document"),
    Kind("file-not-found", "SG-3", "a file that the stream does not have", "send fileid of the job document as f"),
    Kind("file-forbidden", "EC-5", "a file that the stream's role may not read", "let the role read the object"),
    Kind("stream-version", "SG-2", "s is not the version of the stream", "leave s out, or ask with DescribeStream"),
    Kind("file-changed", "SC-9", "the file is not the one the stream was made of", "make a new update for a new file"),
    Kind("block-size", "SG-4", "a block size outside 256 to 131072", "choose l inside the limits"),
    Kind("offset", "SG-5", "an offset outside 0 to 98304", "choose o inside the limits; it counts blocks, not bytes"),
    Kind("block-count", "SG-6", "a block count outside 0 to 98304", "choose n inside the limits"),
    Kind("bitmap-too-long", "SG-7", "a bitmap that is too long", "send a window of it and move o"),
    Kind("block-beyond-file", "SB-4", "blocks past the end of the file only", "count blocks from 0; stop at the last"),
    Kind("bits-beyond-end", "SB-4", "a request that runs past the end of the file", "clear those bits, or lower n"),
    Kind("nothing-requested", "SB-9", "a request that asks for no block", "a 1 in the bitmap is a block still missing"),
    Kind(
        "more-than-128-kib", "SB-6", "n blocks are more than 128 KiB, so fewer come", "do not wait for all n; ask again"
    ),
    Kind("bitmap-order", "SBM-2", "a bitmap with the most significant bit first", "bit 0 of byte 0 is block o"),
    Kind("block-size-changed", "SB-1", "another block size in mid-download", "keep l: block numbers count in it"),
    Kind(
        "no-progress", "SB-8", "the same request again and again, each answered", "see whether blocks reach the agent"
    ),
    Kind("request-storm", "SB-8", "the same request many times a second", "wait for the answer before you repeat"),
    # Whether answers arrive
    Kind("data-unheard", "ST-2", "asks again, and is not subscribed to its data", "subscribe to streams/STREAM/data/+"),
    Kind("rejected-unheard", "ST-5", "was refused, and is not subscribed to hear it", "subscribe to .../rejected/+"),
    Kind(
        "block-over-packet",
        "MQTT 5, 3.1.2.11.4",
        "a block larger than the packets the client takes",
        "lower l, or take larger ones",
    ),
    Kind("block-over-buffer", "ST-11", "a block over the FreeRTOS agent's buffer", "shorten stream or thing name"),
    # Jobs
    Kind("job-token", "JR-1", "a client token that is no text of up to 64 bytes", "send a short text"),
    Kind("job-json", "JR-13", "a job request that is no JSON object", "check what the agent's encoder writes"),
    Kind("job-field", "JR-8", "a field of a job request of the wrong type", "write it as the Jobs API has it"),
    Kind("status-missing", "JR-6", "an update without a status", "send the status with each update"),
    Kind("status-unknown", "JR-6", "a status that does not exist", "use IN_PROGRESS, SUCCEEDED, FAILED or REJECTED"),
    Kind("status-of-service", "JX-1", "a status that only the service sets", "use FAILED or REJECTED"),
    Kind("too-many-details", "JR-11", "more than 10 statusDetails", "send fewer"),
    Kind("detail-key", "JR-11", "a key of statusDetails with other signs", "use 1 to 128 of a-z A-Z 0-9 : _ -"),
    Kind("detail-value", "JR-11", "a value of statusDetails that is no text", "send texts of 1 to 1024 characters"),
    Kind("step-timeout", "JR-3", "a step time-out outside 1 to 10080 minutes", "choose one inside"),
    Kind("transition", "JX-5", "a change of status that is not allowed", "report IN_PROGRESS first, and no way back"),
    Kind("job-has-ended", "JX-1", "an update of a job execution that has ended", "forget the job; ask for the next"),
    Kind(
        "job-not-found", "JX-9", "a job that this thing does not have", "use jobId of the answer; the job may be gone"
    ),
    Kind("version-mismatch", "JR-8", "expectedVersion is not the version", "take versionNumber of the last answer"),
    Kind("unversioned-race", "JR-8", "two clients update a job without expectedVersion", "send it, or let one report"),
    Kind("self-test-lost", "JR-7", "an update takes self_test away", "statusDetails are replaced: send all of them"),
    Kind("numeric-reason", "OA-6", "a job failed with a number for a reason", "see what the number stands for"),
    Kind("ended-early", "SB-1", "SUCCEEDED, but not every block was sent", "count blocks by i, and each once"),
    Kind(
        "job-unnoticed", "JNF-6", "a job waits, and nobody subscribed to notify-next", "subscribe to jobs/notify-next"
    ),
    Kind("job-not-asked", "JNF-6", "a job waits, and the agent was told and did not ask", "ask with $next/get"),
    Kind("job-idle", "OA-2", "an agent took a job and does nothing", "check the job document against the agent"),
    Kind("image-over-bitmap", "OA-2", "an image over 1024 blocks of 4096", "the FreeRTOS agent ignores it: raise l"),
    Kind("job-request-storm", "JX-3", "the same job request many times a second", "wait for notify-next"),
    # Policies
    Kind("connect-denied", "MP-3", "no policy lets the client connect", "see ota-stream policy suggest"),
    Kind("publish-denied", "MP-3", "no policy lets the client publish", "see ota-stream policy suggest"),
    Kind("subscribe-denied", "MP-3", "no policy lets the client subscribe", "allow iot:Subscribe on a topicfilter"),
    Kind("receive-denied", "MP-3", "no policy lets the client receive", "allow iot:Receive on a topic"),
)

KINDS: Final = MappingProxyType({kind.name: kind for kind in TABLE})


class Finding(Struct, frozen=True, rename="camel"):
    """What was found at a thing: `times` how often, `number` one more than that of the finding told before.

    `at` is epoch seconds of the last time, `seen` what was seen then.
    """

    number: int
    at: float
    thing: str
    kind: str
    rule: str
    wrong: str
    seen: str
    remedy: str
    times: int = 1
