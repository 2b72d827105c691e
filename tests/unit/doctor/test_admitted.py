"""Whom the gate lets in, in a few words."""

from hostnfsd.doctor.admitted import told


def test_whom_the_same_lets_in_stands_together() -> None:
    assert told(["everybody, by access.allow"]) == "everybody, by access.allow"
    assert (
        told(["10.0.0.0/8, by /a (x:1)", "::1, by /b (x:2)", "fd00::/8, by /a (x:1)"])
        == "10.0.0.0/8, fd00::/8, by /a (x:1); ::1, by /b (x:2)"
    )


def test_many_are_summed_up() -> None:
    text = told([f"10.0.0.{n}, by /{n}" for n in range(9)])

    assert text.endswith("10.0.0.3, by /3; and by 5 more")
