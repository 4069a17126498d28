"""What is told of a process that was started again."""

from infra.supervisor import restarted


def test_a_process_that_ended_is_told_with_its_last_words():
    assert (
        restarted("web", 3, 0.1, "no database")
        == "web ended with 3; started again in 0.1 s: no database"
    )


def test_an_old_line_of_its_log_is_not_given_as_the_reason_of_a_kill():
    told = restarted("postgres", -9, 0.1, "duplicate key value")

    assert told == "postgres was ended by SIGKILL; started again in 0.1 s"
