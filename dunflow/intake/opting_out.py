"""Which channels a text refuses. Who wants no more of them may say so in any words."""

import re
from collections.abc import Collection, Set
from typing import Final

from dunflow.intake.plain import bare, normalise
from dunflow.remind.senders.codes import STOP_WORDS

EVERY_CHANNEL: Final = frozenset({"sms", "email", "voice", "call"})
"""What "do not contact me" is about: whatever comes by itself. The law may still demand letters."""

_STOP_WORDS: Final = STOP_WORDS | {
    *("unsub", "remove", "desist", "goaway", "getlost", "notinterested", "fuckoff", "pissoff"),
    *("停", "停止", "取消", "拒绝", "我拒绝", "滚", "滚开", "滚蛋"),
}
_POLITE: Final = re.compile(
    r"\b(please|pls|plz|just|now|it|this|that|thanks?|thank you|again|already|immediately|hello)\b"
    r"|请你们?|请您|请|麻烦|谢谢|您好|你好|马上|立即|立刻|我要|我想|给我"
)
_SENTENCE: Final = re.compile(r"[.!?,;:\n。！？，；：、~…]+|\s[-–—]+\s")
# Another line end may be a mail program's, in the middle of a sentence.
_PARAGRAPH: Final = re.compile(r"\n\s*(?:\n|(?=[A-ZÀ-Þ]))")

_FEW: Final = 4
"""So few words around a word for no are its trimmings: a name, a reference, "I said"."""
_MEANS_ELSE: Final = frozenset({"cancel", "end", "quit", "remove", "revoke"})
"""Mean something else among other words: "end of month"."""
_NO_STOP: Final = re.compile(
    r"\b(do not|don'?t|not|never|can ?not|can'?t|won'?t) (\w+ )?stop"
    r"|\b(bus|non|full|first|last|next) stop"
    r"|\bstop (by|at|over|the|my|our|interest|pay(ing|ments?)?|charg(es?|ing)|adding|lying"
    r"|work(ing)?)\b"
)

# Our texts say "回复TD退订", and people copy it. Not "没回复TD", nor "TD卡".
_ZH = r"[\u3400-\u9fff]"
_WORD_IN_ZH: Final = re.compile(
    rf"(?:(?!不|没|别|取消){_ZH}){{0,4}}([a-z]{{2,}})(?!卡|网|银行|手机|是|什么|吗){_ZH}{{0,3}}"
    r"|(?:我|已经?)*(?:回复?|发送?)([a-z])了?"
)
_ANSWERED_ZH: Final = re.compile(
    r"(?<!没)(?<!没有)(?<!别)(?<!不要)(?<!不用)(?:回复?|发送?)过?了?([a-z]{2,})(?!是|什么)"
)

_REACH = (
    r"(te?xt|sms|messag|msg|e-?mail|mail|call|phon|ring|contact|communicat|writ|remind|send|harass"
    r"|bother|chas)"
)
# Who cancels or wants these means us, where nothing but such words stands before them: whoever
# writes "cancel my order and text me" does not.
_MESSAGES = (
    r"(?: (?:(?:all|any|more)(?: of)?|these|those|such|the|this|your|an?|to|me|us|from|sending"
    r"|getting|receiving|further|future|other|automated|payment|text|sms))*"
    r" (?:te?xts?|sms|messages?|msgs?|e-?mails?|reminders?|alerts?|notifications?|calls"
    r"|communications?|contact)\b"
)
_DO_NOT = r"(?<!\bwhy )(?<!\bif you )\b(do not|don'?t|never|dnt|neither)"
_SENT = r"(te?xt|sms|messag|msg|e-?mail|mail|remind)\w*( messag\w*)?"
# Not "never called": that tells what was, and forbids nothing.
_DO = (
    rf"(send(ing)?( me| us| any| more| further| these| such| your)* {_SENT}"
    rf"|{_REACH}(?!\w*ed\b)\w*( messag\w*)?)"
)
_OR = r"(,? (or|and|nor)( (ever|even|otherwise))? | ?[/&] ?)"
# A comma alone joins none: who writes "don't call, text me" wants a text.
_OR_DO = rf"(((, ?{_DO})+|( me| us)?){_OR}(?!\w+( me| us)? instead\b){_DO})*"
_ME = (
    r"( (to |with |on |at )?(me|us|my|this)\b| here| again| any ?more| ever| at all| please| pls"
    r"| plz| thank| ?$| ?[^\w\s'\"(#$£€¥+&/@*])"
)
# Another sentence, where no stop stands between: "no more money, and please call".
_ON = r"(?: (?!(?:and|then|but|so|money|i)\b)\w+){0,3}"
_NOT_BEFORE = r"(?<!\bnot )(?<!n't )(?<!\bdont )(?<!\bnever )"
_GOT_BEFORE = r"(?<!\bhad )(?<!\breceived )(?<!\bgot )(?<!\bget )(?<!\bbeen )(?<!\bwas )(?<!\bis )"
_END = r"(?= *(?:$|[.,!?;:。]))"
# To pay by a card or an account is another matter.
_PERMISSION = (
    r"(?:consent|permission)s?\b(?! (?:to|for)(?: \w+){0,2} (?:debit|charg|direct|tak|withdraw"
    r"|deduct|draw|pull|pay|us|shar|access|card|ach|auto))"
    rf"(?:(?: \w+){{0,3}} {_REACH}\w*{_OR_DO})?"
)
_NEVER_ZH = r"(?:别|不要|不许|不准|请勿|勿|停止|禁止|少)"
_AGAIN_ZH = (
    r"(?:再|继续|老是?|总是?|一直|天天|每天|整天|随便|乱|来|过来|一切|所有|任何|你们?|您"
    r"|(?:给|向|跟|对|往|打扰)?我们?)*"
)
_REACH_ZH = (
    r"(打扰|发(?!票|工资|薪|现|生|律师|函|传票|朋友圈|货|红包|钱|火|脾气|愁|烧|呆|慌)"
    r"|拨?打(?!官司|折|工|钱|款|错|听|算|针|架|人|开|断|印|车|卡)|联系(?!律师|法院|警|不上)|骚扰"
    r"|烦(?!恼|心|躁)|催|来电|寄(?!律师|函|传票|发票)|上门)"
)
_OR_ZH = (
    r"((电话|短信|信息|邮件|消息)?(或者?|和|及|以及|与|、|/|,?(也|更)?(别|不要))(再|给我)*(发|打|寄)?"
    r"(电话|短信|信息|邮件|消息|联系))*(电话|短信|信息|邮件)?"
)
_NOT_TO = r"\b(do not|don'?t|no longer)( ever)? (wish|want|like|care|need) to"
_NOT_ZH = r"(不想|不愿意?|不希望|不要|不再|拒绝?|不(?=接受))"
_MESSAGE_ZH = r"(短信|信息|消息|邮件|电话|来电|通知|提醒|联系|打扰)"
_SENT_ZH = r"(?:短信|信息|消息|邮件|电话(?!预约)|来电|通知(?!书|单)|提醒|推送)"
# Not "不用发短信，我明天还": who is so kind refuses nothing. "再" says that it is enough.
_NO_NEED_ZH = r"(?:不用|不需要|不必|无需|无须|用不着|没必要)(?:你们?|您|麻烦)*"
_MORE_DE = r"(?:nicht|nie|niemals) (?:mehr|wieder)"
_SENT_DE = r"(?:sms|nachricht\w*|e-?mails?|anrufe?|briefe?|mitteilung\w*|kontakt\w*)"
_DEBIT_DE = r"(?![^.!?]{0,30}(?:lastschrift|einzug|sepa|abbuch))"
_STOP_DE: Final = (
    (
        r"\bkeine?(?: \w+){0,3} (?:sms|nachricht\w*|e-?mails?|anrufe?|briefe?|mitteilung\w*) mehr\b"
        r"(?!(?: \w+){0,2} (?:bekommen|erhalten|gekriegt|gesehen|bekam|erhielt))"
    ),
    (
        r"\b(?:will|möchten?|mag|wünsche|wollen)\b(?: \w+){0,4} keine?(?: \w+){0,3}"
        rf" {_SENT_DE} mehr\b"
    ),
    rf"\bkeine weiteren {_SENT_DE}\b",
    (
        r"\b(?:schreib\w*|ruf\w*|kontaktier\w*|belästig\w*|meld\w*|schick\w*|sende\w*)"
        rf"(?: sie| sich| mich| mir| uns| bei| bitte)* {_MORE_DE}\b"
    ),
    (
        r"(?<!warum )(?<!wieso )(?<!weshalb )\b(?:rufen|schreiben|kontaktieren|belästigen|schicken"
        r"|senden) sie(?: mich| mir| uns| bitte| keine| \w+)? nicht\b"
        r"(?! (?:vor|nach|bis|am|um|heute|morgen|so|nur|jetzt)\b)"
    ),
    r"\bbitte nicht (?:\w+ )?(?:an)?(?:rufen|schreiben|kontaktieren)\b",
    (
        r"(?<!kann )(?<!können )\bnicht (?:mehr|wieder) (?:angerufen|angeschrieben|kontaktiert"
        r"|belästigt) werden\b"
    ),
    (
        r"\b(?:hör\w* (?:sie )?(?:\w+ )?auf|unterlass\w* sie)\b(?=[^.!?]{0,40}"
        r"(?:schreib|anruf|anzuruf|nachricht|sms|e-?mail|kontakt|belästig)| *(?:$|[.!]))"
    ),
    rf"\b(?:widerrufe|ziehe)\b[^.!?]{{0,40}}\b(?:einwilligung|zustimmung|erlaubnis)\b{_DEBIT_DE}",
    rf"\bkeine (?:einwilligung|zustimmung|erlaubnis)(?: \w+)? (?:erteilt|gegeben)\b{_DEBIT_DE}",
    (
        r"\blege\b(?: \w+){0,3} widerspruch\b(?![^.!?]{0,20}(?:forderung|rechnung|betrag|bescheid"
        r"|schuld))"
    ),
    r"\bich bestelle\b(?: \w+){0,4} ab\b",
    (
        r"(?<!werde )(?<!kann )(?<!konnte )(?<!können )(?<!wollte )\b"
        rf"{_MORE_DE} (?:an)?(?:schreiben|rufen|kontaktieren|belästigen|kontaktiert)\b"
    ),
    r"\blass(?:en|t)? (?:sie )?(?:mich|uns) (?:\w+ )?in ruhe\b",
    (
        r"\bwiderspreche\b(?: ich| hiermit| ausdrücklich)*"
        r"(?= *(?:$|[.,!;])|(?: \w+){0,4} (?:kontakt\w*|werbung|verarbeitung"
        r"|nutzung|zusendung\w*|nachricht\w*|sms|e-?mails?|anrufe\w*))"
    ),
    r"^stopp\b|\b(?:abmelden|abbestellen|abbestelle)\b",
    (
        r"\b(?:lösch\w*|streich\w*|entfern\w*) (?:sie )?(?:bitte )?(?:meine|unsere) "
        r"(?:\w*nummer|e-?mail\w*|daten)\b"
    ),
)
"""German ones: the pack `de` has customers who write it."""
_STOP: Final = [
    re.compile(pattern)
    for pattern in (
        *_STOP_DE,
        rf"\b(stop|quit|cease|end|enough)\b(?! by\b){_ON} {_REACH}\w*{_OR_DO}",
        rf"{_GOT_BEFORE}\bno (?:more|further)(?! than\b){_ON} {_REACH}\w*{_OR_DO}",
        rf"{_NOT_BEFORE}\b(?:cancel(?:l?ing)?|revoke|end|halt|discontinue){_MESSAGES}{_OR_DO}",
        rf"\bdesist\b(?:(?: \w+){{0,2}} {_REACH}\w*{_OR_DO})?",
        rf"{_DO_NOT}(?: want(?: you)?(?: to)?| you| ever| dare)? {_DO}{_OR_DO}{_ME}",
        rf"\b(?:do not|don'?t|no longer)(?: ever)? (?:want|wish for|care for){_MESSAGES}{_OR_DO}",
        (
            r"\b(?:do not|don'?t|no longer) need(?: any)?(?: of)? (?:more|further|your|these|such)"
            rf"{_MESSAGES}"
        ),
        rf"\b(?:do not|don'?t) want (?:any (?:more )?of )?(?:these|those)(?: any ?more)?{_END}",
        r"\bleave (?:me|us)(?: the \w+)? alone\b",
        (
            r"(?:^|[.!?;] ?)(?:please,? )?no (?:te?xts?|calls?|sms|messages?|e-?mails?|contact)\b"
            rf"(?: please| pls| thanks?| thank you| at work)*{_END}"
        ),
        (
            r"\bi (?:want|wish for|would like|need) no (?:more |further )?(?:contact|calls?|te?xts?"
            r"|messages?|e-?mails?)\b"
        ),
        (
            r"\b(?:told|asked|asking|telling|tell|begged|warned) (?:you|u)(?: \w+){0,3} to stop\b"
            r"(?! (?:charg|adding|the|my|our|interest|pay|by|at)\w*)"
        ),
        rf"\b(?:do not|don'?t) want (?:this|it)(?: any ?more)?{_END}",
        (
            r"\b(?:put|add|place|on)\b(?: \w+){0,4} do[ -]not[ -](?:call|contact|text|e-?mail)"
            r" (?:list|regist)"
        ),
        (
            r"\b(?:do not|don'?t|never|no longer) authori[sz]ed?(?: you| anyone| anybody)?(?: to)?"
            rf" {_REACH}\w*{_OR_DO}"
        ),
        rf"\bnot authori[sz]ed to {_REACH}\w*{_OR_DO}",
        rf"\byou (?:may|must|shall) not (?:\w+ )?{_DO}{_OR_DO}{_ME}",
        (
            r"\bi (?:have not|haven'?t|never|did not|didn'?t)(?: ever)? consent(?:ed)? to"
            r"(?: (?:receiv\w+|get\w*|be|being|any|your|such))*"
            rf" (?:this{_END}|these{_END}|(?:(?:this|these) )?{_REACH}\w*)"
        ),
        rf"\bi object to(?: \w+){{0,3}} {_REACH}\w*",
        r"\b(leave me alone|unsubscribe|remove (me|my (number|e-?mail))|take (me|my \w+) off)\b",
        (
            r"\b(?:remove|delete|erase) (?:my|our|this) (?:(?:cell|mobile|tele|contact) ?)*"
            r"(?:phone|number|mobile|cell|e-?mail|contact|details|data)\b"
        ),
        r"\bremove (?:my|our) name from (?:your|the|this|all) \w*(?:list|record|system|database)",
        r"(?<!\bto )\b(?:lose|forget|block) (?:my|our|this) number\b",
        (
            rf"{_NOT_BEFORE}\b(?:revok\w+|withdr\w+|rescind\w*|retract\w*|cancel\w*|remov\w+)"
            rf"(?: \w+){{0,3}} {_PERMISSION}"
        ),
        rf"\byou (?:do not|don'?t|no longer) have (?:my |any |our )?{_PERMISSION}",
        rf"\brevok\w+(?: \w+){{0,3}} authori[sz]ation(?: for)?(?: you)? to {_REACH}\w*{_OR_DO}",
        (
            r"\bi (?:do not|don'?t|no longer|never)(?: ever)? (?:consent(?:ed)?|agreed?|give"
            r"(?: you)?(?: my| any)? (?:consent|permission)) (?:to|for)(?: (?:you|being|be|get"
            r"|getting|any|these|such|your|further|more|to|receiv\w+))*"
            rf" {_REACH}\w*{_OR_DO}"
        ),
        rf"\bi (?:do not|don'?t|no longer) consent{_END}",
        r"\bopt(ed|ing)?[ -]?(me )?out\b|\bcease and desist\b",
        r"(?<!取消)(?<!不要)(?<!不)(?<!别)(?<!没有)(退订|拒收)",
        rf"{_NEVER_ZH}{_AGAIN_ZH}{_REACH_ZH}{_OR_ZH}",
        rf"{_NEVER_ZH}{_AGAIN_ZH}给[^,.!?;:，。！？]{{1,8}}?(?:打|发)(?:电话|短信|信息|消息|邮件)",
        rf"{_NO_NEED_ZH}再{_AGAIN_ZH}{_REACH_ZH}{_OR_ZH}",
        rf"{_NO_NEED_ZH}(?:再|任何|这些|这种|的|给我|接?收到?)*{_SENT_ZH}",
        r"(别|不要|停止)(再|给我|再给我)?(短信|信息|邮件|电话)",
        rf"{_NOT_TO} (receive|hear|(be|get) {_REACH}\w*|get (any |these |your |more )*{_REACH}\w*)",
        rf"{_NOT_ZH}(要|再|继续)*(收|接收|接受|接到)(到|取)?[^,.!?，。！？]{{0,6}}{_MESSAGE_ZH}",
        rf"(?:不想|不愿意?|不希望)(?:再|继续)*(?:收到|接到)(?:了|{_END})",
        (
            r"(?:不想|不愿意?|不希望)(?:再|继续|老是?|总是?|一直)*被(?:你们?)?"
            r"(?:打扰|骚扰|联系|烦|打电话|发短信)"
        ),
        (
            r"(?<!不)(?<!不要)(?<!别)(?<!没)(?<!没有)(?<!到)取消"
            r"(?:你们?|所有|全部|一切|任何|这些|这种|还款|付款|催收|催款|逾期|账单|的)*"
            rf"(?:{_SENT_ZH}|发送|接收|订阅)"
        ),
        (
            r"(?<!不)(?<!没)(?<!没有)(?<!被)拒绝(?:再|继续|你们?|任何|一切|所有|接受|接听|的|接|收)*"
            rf"(?:{_SENT_ZH}|骚扰|打扰|联系|催收)"
        ),
        r"拒绝接收|不再接收|不接收|勿扰|拒绝上门",
        rf"(?:不得|谢绝|严禁){_AGAIN_ZH}{_REACH_ZH}{_OR_ZH}",
        rf"{_NEVER_ZH}{_AGAIN_ZH}找我",
        rf"再{_AGAIN_ZH}{_REACH_ZH}[^,.!?，。！？]{{0,6}}(?:报警|投诉|举报|起诉)",
        (
            r"(?<!不)(?<!不要)(?<!别)(?<!没)(?<!没有)(?<!被)(?:关闭|关掉|屏蔽)"
            rf"(?:你们?|所有|全部|一切|任何|这些|这种|的)*{_SENT_ZH}"
        ),
        (
            r"(?<!不)(?<!不要)(?<!别)(?:删除|删掉|删了|移除)我的?(?:手机|电话)?(?:号|联系方式|资料|信息)"
            r"|把我的?(?:手机|电话)?号码?[^,.!?，。！？]{0,6}(?:删|移除)"
        ),
        (
            r"(?<!不)(?<!没)(?<!没有)(?<!别)(?:撤回|撤销|收回)"
            r"(?:(?!扣|支付|银行|卡|征信)[^,.!?，。！？]){0,10}?(?:同意|授权)(?![^,.!?，。！？]{0,4}(?:扣|支付|征信))"
        ),
        (
            r"不同意(?:再|继续|你们?|您|被|给我|向我)*"
            rf"(?:接?收到?[^,.!?，。！？]{{0,4}}?{_MESSAGE_ZH}|{_REACH_ZH}{_OR_ZH})"
        ),
    )
]
_MENTIONS: Final = {
    frozenset({"sms"}): re.compile(r"\b(te?xt|sms)\w*|短信|信息"),
    frozenset({"email"}): re.compile(r"\be-?mail\w*|邮件|邮箱"),
    frozenset({"voice", "call"}): re.compile(
        r"\b(call|phon|ring|anruf|anzuruf|telefon|ruf|angeruf)\w*|电话|来电|打(?!扰)"
    ),
    frozenset({"letter"}): re.compile(r"\b(letters?|briefe?)\b|寄|信件"),
    frozenset({"visit"}): re.compile(r"\bvisit\w*|上门"),
    EVERY_CHANNEL: re.compile(
        r"\b(contact|communicat|harass|bother|leave me alone|cease and desist"
        r"|kontakt|belästig|lass\w* .*in ruhe)\w*"
        r"|联系|骚扰|打扰|烦"
    ),
}
# Names no channel beside others that are named: then it is the one by which it was said.
_MESSAGE: Final = re.compile(
    r"(?<!\btext )(?<!\btxt )(?<!\bsms )(?<!mail )\b(messag|msg)"
    r"|\bwrit\w*(?! (e-?mail|letter|te?xt|sms))|\b(nachricht|mitteilung|schreib)"
)


def stops(text: str, channel: str, stop_words: Collection[str]) -> frozenset[str]:
    """The channels that the text refuses; none where it refuses nothing.

    `channel`: by which it came. `stop_words`: those of all packs, in any case.
    """
    words = _STOP_WORDS | {bare(word) for word in stop_words}
    if bare(text) in words:
        return frozenset({channel})
    plain = normalise(text)
    # A word of one letter means it only by itself: "R" does, "r u sure" does not.
    telling = {word for word in words if len(word) > 1}
    # A name below or a greeting above stands on a line of its own.
    lines = [normalise(line) for line in text.splitlines()]
    parts = [part for line in lines for part in _SENTENCE.split(line)]
    alone = any(_says_no(part, telling) or _says_no_in_chinese(part, words) for part in parts)
    texts = [plain, *(normalise(each) for each in _PARAGRAPH.split(text))]
    found = (match.group() for rule in _STOP for each in texts for match in rule.finditer(each))
    said = "\n".join(found)
    if not alone and not said:
        return frozenset()
    named = [channels for channels, rule in _MENTIONS.items() if rule.search(said)]
    if named and _MESSAGE.search(said):
        named.append(frozenset({channel}))
    return frozenset().union(*named) if named else frozenset({channel})


def _says_no(part: str, telling: Set[str]) -> bool:
    """Whether a part of a sentence is a word for no: politely, repeatedly or with trimmings."""
    if bare(_POLITE.sub(" ", part)) in telling:
        return True
    said = [bare(word) for word in part.split()]
    if said and all(word in telling for word in said):
        return True
    clear = telling - _MEANS_ELSE
    return len(said) <= _FEW and any(word in clear for word in said) and not _NO_STOP.search(part)


def _says_no_in_chinese(part: str, words: Set[str]) -> bool:
    """Whether a latin word for no stands among Chinese ones, which no blanks divide."""
    said, clear = bare(part), words - _MEANS_ELSE
    alone = _WORD_IN_ZH.fullmatch(said)
    if alone and (alone[1] or alone[2]) in clear:
        return True
    return any(word in clear for word in _ANSWERED_ZH.findall(said))
