"""What the program of scans makes of a report, and of what is written already."""

import datetime

import pytest

from bedplate.services.images.programs.scans import MOST_KEPT, findings, kept

TODAY = datetime.date(2026, 11, 28)


def match(severity: str, *fixed: str, name: str = "libpng") -> dict[str, object]:
    vulnerability = {"id": f"CVE-{severity}-{name}", "severity": severity, "fix": {"versions": list(fixed)}}
    return {"vulnerability": vulnerability, "artifact": {"name": name, "version": "1.0"}}


class TestFindings:
    def test_count_from_the_severity_that_the_stack_names(self) -> None:
        report = {"matches": [match("Medium", "2"), match("High", "2"), match("Critical", "2")]}
        assert len(findings(report, "critical", only_fixed=True)[1]) == 1
        assert len(findings(report, "medium", only_fixed=True)[1]) == 3

    def test_that_nobody_can_mend_count_where_the_stack_says_so(self) -> None:
        report = {"matches": [match("Critical")]}
        assert findings(report, "critical", only_fixed=True)[1] == []
        (said,) = findings(report, "critical", only_fixed=False)[1]
        assert said == "critical: CVE-Critical-libpng in libpng 1.0, not mended yet"

    def test_begin_with_the_worst_and_are_counted(self) -> None:
        report = {"matches": [match("High", "2"), match("Critical", "2", name="zlib"), match("Unknown")]}
        counts, failing = findings(report, "high", only_fixed=True)
        assert failing[0].startswith("critical: CVE-Critical-zlib")
        assert (counts["critical"], counts["high"], counts["unknown"]) == (1, 1, 1)


class TestWhatHasPassed:
    def test_is_added_with_its_day(self) -> None:
        assert kept("", "a" * 64, TODAY, 90) == f"{'a' * 64}=2026-11-28"

    def test_is_believed_for_so_many_days(self) -> None:
        written = f"{'a' * 64}=2026-08-30,{'b' * 64}=2026-08-31"
        assert kept(written, "c" * 64, TODAY, 90) == f"{'b' * 64}=2026-08-31,{'c' * 64}=2026-11-28"

    def test_is_renewed_by_another_scan(self) -> None:
        assert kept(f"{'a' * 64}=2026-11-01", "a" * 64, TODAY, 90) == f"{'a' * 64}=2026-11-28"

    def test_never_outgrows_what_annotations_may_have(self) -> None:
        """256 KiB together: https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/."""
        written = ""
        for number in range(MOST_KEPT + 5):
            written = kept(written, f"{number:064x}", TODAY, 90)
        assert written.count("=") == MOST_KEPT
        assert written.endswith(f"{MOST_KEPT + 4:064x}=2026-11-28")
        assert len(written) < 128 * 1024

    @pytest.mark.parametrize("rubbish", ["nonsense", ",,", f"{'a' * 64}="])
    def test_is_written_over_rubbish(self, rubbish: str) -> None:
        assert kept(rubbish, "a" * 64, TODAY, 90) == f"{'a' * 64}=2026-11-28"
