"""What of ours tells of a fault: lines of the collectors' logs."""

from collections.abc import Callable, Sequence

from tests.chaos.scene import Case

Cases = Sequence[Case]


def heed(cases: Cases, *texts: str) -> None:
    """Count what the logs say already, before a strike."""
    for case in cases:
        case.before = {text: case.pod.said(text) for text in texts}


def logs(*texts: str) -> Callable[[Case], bool]:
    """Return a look that holds once the log has any of these texts anew, and notes its line in the case."""

    def look(case: Case) -> bool:
        for text in texts:
            if case.pod.said(text) > case.before[text]:
                case.noticed = case.pod.messages(text)[-1]
                return True
        return False

    return look
