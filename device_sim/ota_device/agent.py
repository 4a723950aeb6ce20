"""An OTA agent as a table of states: from waiting for a job to the reboot, and from the reboot to the verdict.

It knows no socket, no flash and no clock: messages and the time (monotonic seconds) come in, orders go out. It lives
from one boot of the device to the next; what must not be forgotten is on the flash and comes with `Booted`.
Source: device-agents.md 6.1 to 6.5, OA-1 to OA-13, the trace of protocol.md 4.4.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from ota_device import download as downloads
from ota_device import flash, meaning
from ota_device.boot import Booted
from ota_device.document import Ignored, Job, NoJob, Unfit, Verdict, read
from ota_device.download import Ignored as Useless
from ota_device.flash import Slot, Target
from ota_device.flavours import Facts, Flavour, Moment
from ota_device.meaning import UNHEARD, version_before
from ota_device.orders import Check, Complete, Ended, Get, Keep, Mark, Open, Order, Outcome, Reboot, Say, Stop
from ota_device.ranges import URL_OVER, Ranges
from ota_device.reasons import Code, Form, Reason
from ota_device.reception import Reception
from ota_device.states import TABLE, Act, Event, Happened, State
from ota_device.versions import Version
from ota_device.voice import Voice
from ota_stream.streams.codec import CODECS

# What the reference agent fails a job for.
_BAD: Final = frozenset({Useless.GARBAGE, Useless.WRONG_SIZE, Useless.NO_SUCH_BLOCK})
_TRIED: Final = frozenset({flash.State.TESTING, *UNHEARD})


class Agent:
    """The agent of one thing from one boot to the next. Every method returns orders, to be obeyed as they stand.

    `deadline` is when to call `on_time`, or None.
    """

    def __init__(self, thing: str, flavour: Flavour, booted: Booted) -> None:
        self.state = State.TESTING if booted.testing else State.WAITING
        self.reception: Reception | Ranges | None = None
        self._job: Job | None = None
        self._voice = Voice(thing, flavour)
        self._flavour = flavour
        self._booted = booted
        self._subject: Slot | None = booted.subject  # the slot whose verdict the cloud may not know
        self._ask_at: float | None = None
        self._test_until: float | None = None
        self._total = 0  # blocks of the image, for reports

    @property
    def deadline(self) -> float | None:
        """When `on_time` is due."""
        if self.state is State.TESTING:
            return self._test_until
        return self._ask_at if self.reception is None else self.reception.deadline

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes of the image that are here, and bytes in all."""
        here = self._total if self.reception is None else self.reception.received
        size = 0 if self._job is None else self._job.size
        return min(here * self._flavour.block_size, size), size

    def start(self, now: float) -> list[Order]:
        """Begin: subscribe, ask for a job."""
        self._test_until = now + self._flavour.self_test_limit
        return [*self._voice.listen(), *self._ask(now)]

    def on_reconnected(self, now: float) -> list[Order]:
        """The connection was lost and is back: ask which job is on; when it is the same, the download goes on."""
        return self._ask(now)

    def on_time(self, now: float) -> list[Order]:
        """Do what is due."""
        if self.deadline is None or now < self.deadline:
            return []
        if self.state is State.TESTING:
            return self._happen(Happened(Event.TIME_UP, now))
        return self._ask(now) if self.reception is None else self._request(self.reception.on_time(now), now)

    def on_message(self, topic: str, payload: bytes, now: float) -> list[Order]:
        """Take a message."""
        voice = self._voice
        if topic.startswith(voice.streams):  # whatever comes there is taken for a block (6.1)
            return self._on_block(topic, payload, now)
        if topic == voice.notify_next and self.state is State.RECEIVING:
            return self._happen(Happened(Event.NOTICE, now))
        if topic in {voice.notify_next, voice.job_answer}:
            flavour = self._flavour
            return self._happen(self._judge(read(payload, flavour.image_max, flavour.needs, flavour.speaks), now))
        if topic.startswith(voice.jobs) and topic.endswith("/rejected"):  # no reference agent acts on these
            return [Say(f"the cloud refused: {payload.decode(errors='replace')}")]
        return []

    def on_opened(self, missing: int, now: float) -> list[Order]:
        """The slot is ready and these blocks are missing: ask for them."""
        job, flavour = self._doing, self._flavour
        reception = self.reception = (
            Reception(job.file_id, job.size, flavour, missing)
            if job.url is None
            else Ranges(job.url, job.size, flavour, missing)
        )
        self._total = reception.total
        here = reception.received
        goes_on = [Say(f"{here} of {self._total} blocks are here from before")] if here else []
        return [*goes_on, *self._request(reception.start(now), now)]

    def on_range(self, status: int, data: bytes, now: float) -> list[Order]:
        """A range was asked for by HTTP, and this came of it; `status` is 0 when nothing did."""
        ranges = self.reception
        if not isinstance(ranges, Ranges):
            return []
        piece = ranges.on_answer(status, data, now)
        if piece is not None:
            return [Keep(piece), *self._progress(ranges.received), *self._request(None, now)]
        if status in URL_OVER:
            return [Say(f"the URL gives {status}, asking for the job again"), self._voice.ask()]
        return [Say(f"no block by HTTP: status {status}" if status else "no answer by HTTP")]

    def on_checked(self, code: Code | None, now: float) -> list[Order]:
        """The image in the slot was verified: `code` is what is wrong with it, or None."""
        if code is not None:
            return self._happen(Happened(Event.BAD, now, reason=Reason(code)))
        return self._happen(Happened(Event.GOOD_FILE if self._doing.file_type else Event.GOOD, now))

    # What a message means

    def _judge(self, verdict: Verdict, now: float) -> Happened:
        match verdict:
            case NoJob():
                return Happened(Event.NO_JOB, now)
            case Ignored():
                return Happened(Event.SILENT, now, why=verdict.why)
            case Unfit():
                return Happened(Event.UNFIT, now, job_id=verdict.job_id, reason=verdict.reason)
            case Job():
                event = meaning.of(verdict, self.state, self._job, self._booted, self._subject)
                return Happened(event, now, verdict, verdict.job_id)

    def _on_block(self, topic: str, payload: bytes, now: float) -> list[Order]:
        reception = self.reception
        if not isinstance(reception, Reception):
            return []
        if topic != self._voice.data and "/data/" in topic:
            return []  # a late block of a stream that was given up
        reception.piece = None
        request = reception.on_data(payload, now)
        if reception.piece is not None:
            keep = Keep(reception.piece)
            if request is not None and not self._flavour.status_every:  # nearly every block
                return [keep, self._voice.request(request)]
            return [keep, *self._progress(reception.received), *self._request(request, now)]
        said = [Say(f"the cloud sends no blocks: {self._why(payload)}")] if "/rejected/" in topic else []
        if self._flavour.strict and reception.useless in _BAD:
            return [*said, *self._happen(Happened(Event.BAD_BLOCK, now, reason=Reason(Code.BAD_BLOCK)))]
        return [*said]

    def _why(self, payload: bytes) -> str:
        try:
            rejected = CODECS[self._flavour.format].decode_rejected(payload)
        except ValueError:
            return repr(payload)
        return f"{rejected.code}: {rejected.message}"

    def _progress(self, received: int) -> list[Order]:
        every = self._flavour.status_every
        due = every and (received == 1 or received % every == 0)  # OA-2
        return [*self._report(Moment.PROGRESS, self._doing.job_id)] if due else []

    def _request(self, asked: bytes | Get | None, now: float) -> list[Order]:
        """Ask for blocks, or see that the download is at its end."""
        state = self._receiving.state
        if state is downloads.State.FETCHING:
            if isinstance(asked, bytes):
                return [self._voice.request(asked)]
            return [] if asked is None else [asked]
        if state is downloads.State.DONE:
            return self._happen(Happened(Event.WHOLE, now))
        event = Event.DESPAIR if self._flavour.stops else Event.UNANSWERED
        return self._happen(Happened(event, now, reason=Reason(Code.NONE, form=Form.ABORTED)))

    # The acts of the table. When one is called, the state is already the new one.

    def _happen(self, it: Happened) -> list[Order]:
        """Take a step of the table; what has no row there means nothing now."""
        row = TABLE.get((self.state, it.event))
        if row is None:
            return []
        before, (self.state, act) = self.state, row
        orders = self._ACTS[act](self, it)
        if before is State.RECEIVING and self.state is not State.RECEIVING:
            self.reception = None
            return [*self._hear_no_more(), *orders]
        return orders

    def _receive(self, it: Happened) -> list[Order]:
        settled = self._settle()
        job = self._job = it.about
        self.reception = None
        signature = "" if job.signature is None else job.signature.value.hex()
        target = Target(job.job_id, job.stream_id, job.file_id, job.size, self._flavour.block_size, signature)
        if job.url is not None:
            return [*settled, Say(f"job {job.job_id}: {job.size} bytes by HTTP"), Open(target)]
        said = Say(f"job {job.job_id}: {job.size} bytes of stream {job.stream_id or '(it names none)'}")
        return [*settled, said, self._voice.hear(job.stream_id), Open(target)]

    def _resume(self, it: Happened) -> list[Order]:
        reception = self._receiving
        if isinstance(reception, Ranges):
            reception.url = it.about.url or reception.url
        return self._request(reception.resume(it.now), it.now)  # 6.3: it continues with the saved bitmap

    def _switch(self, it: Happened) -> list[Order]:
        return [*self._hear_no_more(), *self._drop(), *self._receive(it)]

    def _leave(self, it: Happened) -> list[Order]:
        return [*self._drop(), *self._rest(it)]

    def _leave_and_ask(self, it: Happened) -> list[Order]:
        return [*self._drop(), *self._ask(it.now)]  # 6.1: it asks for the job and starts at block 0

    def _leave_and_refuse(self, it: Happened) -> list[Order]:
        return [*self._drop(), *self._refuse(it)]

    def _refuse(self, it: Happened) -> list[Order]:
        self._wait(it.now)
        return self._end(it.job_id, it.reason)

    def _keep_silent(self, it: Happened) -> list[Order]:
        self._wait(it.now)
        return [Ended("", Outcome.IGNORED, it.why)]

    def _rest(self, it: Happened) -> list[Order]:
        """Nothing to do, so the cloud has heard the verdict on the last image, or no longer wants it."""
        self._wait(it.now)
        return self._settle()

    def _check(self, _: Happened) -> list[Order]:
        return [Say(f"all {self._total} blocks are here, verifying"), Check(self._doing)]

    def _fail(self, it: Happened) -> list[Order]:
        self._wait(it.now)
        # First forgotten, then reported: after a power cut between the two it is downloaded and judged once more.
        return [Mark(flash.Event.DROP), *self._end(self._doing.job_id, it.reason)]

    def _stop(self, it: Happened) -> list[Order]:
        return [*self._fail(it), Stop()]  # 6.3: the agent stops

    def _ready(self, _: Happened) -> list[Order]:
        # The report comes first: an image that starts without its job being in self test is not confirmed.
        report = self._report(Moment.READY, self._doing.job_id)
        return [Say("the image is good, rebooting into it"), *report, Complete(), Reboot()]

    def _accept_file(self, it: Happened) -> list[Order]:
        self._wait(it.now)
        job = self._doing
        new = Version(0, 0, job.file_type)  # 6.4: no self test, and this for a version
        report = self._report(Moment.ACCEPTED, job.job_id, new=new)
        return [Mark(flash.Event.DROP), *report, Ended(job.job_id, Outcome.SUCCEEDED, f"v{new}")]

    def _accept(self, it: Happened) -> list[Order]:
        active = self._report(Moment.ACTIVE, it.job_id)
        # Between accepting and reporting a power cut is no harm: the flash remembers what is left to say.
        return [*active, Mark(flash.Event.ACCEPT), *self._report_accepted(it)]

    def _report_accepted(self, it: Happened) -> list[Order]:
        self._wait(it.now)
        # Not by the job's `updatedBy`: since the report of the running self test that is the new version.
        report = self._report(Moment.ACCEPTED, it.job_id, old=self._booted.old)
        self._subject = None
        ended = Ended(it.job_id, Outcome.SUCCEEDED, f"v{self._booted.version}")
        return [*report, ended, Mark(flash.Event.REPORTED)]

    def _reject(self, it: Happened) -> list[Order]:
        same = self._booted.version == version_before(it.about, self._booted)
        code = Code.SAME_VERSION if same else Code.LOWER_VERSION  # 6.4
        ended = self._end(it.job_id, Reason(code, form=Form.REJECTED))
        return [Mark(flash.Event.REJECT, code), *ended, Mark(flash.Event.REPORTED), Reboot()]

    def _report_rejected(self, it: Happened) -> list[Order]:
        """The old image is back, or never left: say what became of the new one."""
        self._wait(it.now)
        code = (self._subject.reason if self._subject else 0) or Code.SELF_TEST_MISMATCH
        ended = self._end(it.job_id, Reason(code, form=Form.REJECTED))
        return [*ended, *self._settle()]

    def _reset(self, _: Happened) -> list[Order]:
        return [Say("nobody confirms the self test, rebooting"), Reboot()]  # 6.1: a reset, and no report

    # Words

    def _ask(self, now: float) -> list[Order]:
        self._wait(now)
        return [self._voice.ask()]

    def _wait(self, now: float) -> None:
        """Wait for a job: without limit, or until it is time to ask once more."""
        again = self._flavour.job_again
        self._ask_at = None if again is None else now + again

    def _hear_no_more(self) -> list[Order]:
        """End the subscription to the blocks; by HTTP there was none."""
        return [self._voice.hear_no_more(self._doing.stream_id)] if self._doing.url is None else []

    def _drop(self) -> list[Order]:
        received = self._receiving.received
        return [Say(f"job {self._doing.job_id}: given up after {received} blocks"), Mark(flash.Event.DROP)]

    def _settle(self) -> list[Order]:
        if self._subject is None or self._subject.state not in UNHEARD:
            return []
        self._subject = None
        return [Mark(flash.Event.REPORTED)]

    def _end(self, job_id: str, reason: Reason | None) -> list[Order]:
        said = "" if reason is None else f"{reason} ({reason.words})"
        return [*self._report(Moment.FAILED, job_id, reason=reason), Ended(job_id, Outcome.FAILED, said)]

    def _report(
        self,
        moment: Moment,
        job_id: str,
        *,
        reason: Reason | None = None,
        new: Version | None = None,
        old: Version | None = None,
    ) -> list[Order]:
        running = self._booted.version
        facts = Facts(
            running=running,
            old=old or running,
            new=new or running,
            received=self._total if self.reception is None else self.reception.received,
            total=self._total,
            reason=reason,
            restarted=self._subject is not None and self._subject.state in _TRIED,
        )
        return [*self._voice.report(moment, job_id, facts)]

    @property
    def _doing(self) -> Job:
        if self._job is None:
            raise AssertionError(f"{self.state}: without a job")
        return self._job

    @property
    def _receiving(self) -> Reception | Ranges:
        if self.reception is None:
            raise AssertionError(f"{self.state}: without a download")
        return self.reception

    _ACTS: ClassVar[Mapping[Act, Callable[["Agent", Happened], list[Order]]]] = MappingProxyType(
        {
            Act.RECEIVE: _receive,
            Act.REST: _rest,
            Act.REFUSE: _refuse,
            Act.KEEP_SILENT: _keep_silent,
            Act.REPORT_ACCEPTED: _report_accepted,
            Act.REPORT_REJECTED: _report_rejected,
            Act.RESUME: _resume,
            Act.SWITCH: _switch,
            Act.LEAVE: _leave,
            Act.LEAVE_AND_REFUSE: _leave_and_refuse,
            Act.LEAVE_AND_ASK: _leave_and_ask,
            Act.FAIL: _fail,
            Act.STOP: _stop,
            Act.CHECK: _check,
            Act.READY: _ready,
            Act.ACCEPT_FILE: _accept_file,
            Act.ACCEPT: _accept,
            Act.REJECT: _reject,
            Act.RESET: _reset,
        }
    )
