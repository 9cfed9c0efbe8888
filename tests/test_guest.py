"""The guest tests, on Linux and on mitos with each kind of fork; on mitos the audit follows each.

Their machines run beside all the other tests, from the start (conftest.py); here the outcomes are
looked at.
"""

import pytest

import batches
import ktap


@pytest.fixture(autouse=True)
def no_lock_report(new_lock_reports):
    """run_once() knows better than conftest.py whose a report is."""
    yield
    new_lock_reports()


@pytest.mark.parametrize("name", batches.SOURCES)
@pytest.mark.parametrize("environment", batches.ENVIRONMENTS)
def test_guest(environment, name, outcomes):
    if not batches.applicable(environment, name):
        pytest.skip("needs a kernel of ours, to itself, or takes long and is the same for any fork")
    outcome = outcomes[environment].result()[name]
    if outcome.death == "this machine allows no namespaces":
        pytest.skip(outcome.death)
    report = ktap.parse(outcome.text)
    wrong = report.failures() + outcome.locks
    if outcome.status is None:
        wrong.append(outcome.death)
    elif outcome.status and not wrong:
        wrong.append(f"every test passed, but the program ended with status {outcome.status}")
    if environment != "linux" and outcome.status is not None:
        audit = (outcome.audit or "").strip()
        if audit.splitlines()[-1:] != ["audit: clean"]:
            wrong.append(f"the audit is not clean:\n{audit or 'there is none'}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    if report.all_skipped():
        pytest.skip("every test of it was skipped")
