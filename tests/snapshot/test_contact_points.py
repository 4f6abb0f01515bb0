import pytest

from dunflow.snapshot.contact_points import read_email, read_phone


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        ("0919876543210", "IN", "+919876543210"),
        ("+91 98765 43210", "IN", "+919876543210"),
        ("098765 43210", "IN", "+919876543210"),
        ("０９０－１２３４－５６７８", "JP", "+819012345678"),
        ("138-0013-8000", "CN", "+8613800138000"),
        ("0086 138 0013 8000", "CN", "+8613800138000"),
        ("+1 202 555 0123", "CN", "+12025550123"),
        ("13800138000 ext 5", "CN", None),
        ("13800138000/13900139000", "CN", None),
        ("138001380001", "CN", None),
        ("0", "CN", None),
        ("none", "CN", None),
        ("\ufffd13800138000x", "CN", None),
    ],
)
def test_a_phone_number_is_read_with_its_region(raw: str, region: str, number: str | None) -> None:
    assert read_phone(raw, region) == number


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("Wang.Wu+pay@Example.COM", "wang.wu+pay@example.com"),
        ("o'neil@mail.example.invalid", "o'neil@mail.example.invalid"),
        ("x@", None),
        ("@example.com", None),
        ("a@b", None),
        ("a..b@example.com", None),
        ("a b@example.com", None),
        ("a@example.com, b@example.com", None),
        ("a@-example.com", None),
        ("王@example.com", None),
        ("a@exämple.de", "a@xn--exmple-cua.de"),
        ("a@EXÄMPLE.de", "a@xn--exmple-cua.de"),
        ("a@例子.中国", "a@xn--fsqu00a.xn--fiqs8s"),
        ("a@faß.de", None),
        ("a@例子\ufffd.中国", None),
        ("a@exämple..de", None),
        ("a@example.com\nbcc: b@example.com", None),
        ("x" * 65 + "@example.com", None),
    ],
)
def test_an_email_address_is_one_that_mail_can_be_sent_to(raw: str, address: str | None) -> None:
    assert read_email(raw) == address
