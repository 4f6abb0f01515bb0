"""Made-up customers, whom nothing that is sent can reach.

Names are put together at random. China keeps no mobile numbers for fiction. But the satellite block
1349 is assigned in part only: of its ten parts 2, 3 and 9 are, by the ministry's list of network
codes (MIIT, end of March 2023). The other seven belong to nobody, and yet have the form of a mobile
number, so that they pass every check that a real one passes. Mail goes to domains that RFC 2606
keeps for examples, letters to streets with made-up names under a post code that is not in use.
"""

from random import Random
from typing import NamedTuple

UNASSIGNED_PREFIXES = ("13490", "13491", "13494", "13495", "13496", "13497", "13498")
EXAMPLE_DOMAINS = ("example.com", "example.net", "example.org")
UNUSED_POST_CODE = "000000"

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_FIRST = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰凤志建文小晓子雨梓思佳嘉俊"
_SECOND = "伟芳敏静强磊洋艳杰涛明超霞刚英华兰凤国轩涵怡欣宇浩然婷雪琳晨阳辉鹏飞龙倩悦"
_ENGLISH_GIVEN = ("Amara", "Chloe", "Daniel", "Emma", "Farid", "Grace", "Jonas", "Lena", "Omar")
_ENGLISH_FAMILY = ("Adeyemi", "Baker", "Fischer", "Haddad", "Ivanova", "Kim", "Moreau", "Santos")
_CITIES = ("上海市", "杭州市", "南京市", "成都市", "武汉市", "西安市", "广州市", "青岛市", "长沙市")
_STREETS = ("示例路", "样本街", "演示大道", "虚构巷", "假想里")
_SEGMENTS = ("new", "regular", "loyal")


class Customer(NamedTuple):
    """One row of the core's `customer` table."""

    customer_id: str
    name: str
    language: str
    mobile: str | None
    email: str | None
    address: str | None
    segment: str


def make_customer(number: int, draw: Random) -> Customer:
    """Customer `number`; some lack a contact point, a few have one that was mistyped."""
    english = draw.random() < 0.04
    return Customer(
        customer_id=f"C{number:06d}",
        name=_english_name(draw) if english else _chinese_name(draw),
        language="en" if english else "zh",
        mobile=_mobile(number, draw),
        email=_email(number, draw),
        address=_address(draw),
        segment=draw.choices(_SEGMENTS, weights=(3, 5, 2))[0],
    )


def _chinese_name(draw: Random) -> str:
    second = draw.choice(_SECOND) if draw.random() < 0.8 else ""
    return draw.choice(_SURNAMES) + draw.choice(_FIRST) + second


def _english_name(draw: Random) -> str:
    return f"{draw.choice(_ENGLISH_GIVEN)} {draw.choice(_ENGLISH_FAMILY)}"


def _mobile(number: int, draw: Random) -> str | None:
    prefix = draw.choice(UNASSIGNED_PREFIXES)
    # 7919 has no factor in common with a million, so that no two customers share a number.
    digits = f"{prefix}{number * 7919 % 1_000_000:06d}"
    chance = draw.random()
    if chance < 0.03:
        return None
    if chance < 0.04:
        return digits[:-1]  # a digit was forgotten
    if chance < 0.20:
        return f"{digits[:3]} {digits[3:7]} {digits[7:]}"
    return digits


def _email(number: int, draw: Random) -> str | None:
    domain = draw.choice(EXAMPLE_DOMAINS)
    chance = draw.random()
    if chance < 0.12:
        return None
    if chance < 0.13:
        return f"kehu{number:06d}.{domain}"  # the @ was mistyped
    return f"kehu{number:06d}@{domain}"


def _address(draw: Random) -> str | None:
    place = f"{draw.choice(_CITIES)}{draw.choice(_STREETS)}{draw.randint(1, 400)}号"
    room = f"{draw.randint(1, 30)}0{draw.randint(1, 6)}室"
    return None if draw.random() < 0.01 else f"{place}{room} {UNUSED_POST_CODE}"
