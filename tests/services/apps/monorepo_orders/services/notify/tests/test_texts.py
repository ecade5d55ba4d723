from notify import arrives


def test_arrives():
    assert arrives("Ida", "A-1", "10:00", "12:00").startswith("Hello Ida")
