"""Constants are found by the shape of what a bundler leaves, whatever it calls the variables."""

from __future__ import annotations

import pytest

from .bundle import Bundle, Constant, read


def words(javascript: str) -> dict[str, str | list[str]]:
    """Return the texts by their names, joined with dots; several under the same names as a list."""
    found: dict[str, str | list[str]] = {}
    for constant in read(javascript).constants:
        names = ".".join(constant.names)
        if names in found:
            before = found[names]
            found[names] = [*([before] if isinstance(before, str) else before), constant.word]
        else:
            found[names] = constant.word
    return found


@pytest.mark.parametrize(
    "javascript",
    [
        't.RECEIPTS={TYPE:"receipts",ACTION:{READ:"read",BY_ALL:"readByAll"}}',
        "zz.RECEIPTS = {\n  'TYPE': 'receipts',\n  ACTION: { READ: 'read', BY_ALL: 'readByAll' },\n};\n",
        '(e.AUTH=n(5),e.RECEIPTS={TYPE:"receipts",ACTION:{READ:"read",BY_ALL:"readByAll"}})',
        'x.RECEIPTS=Object.freeze({TYPE:"receipts",ACTION:Object.freeze({READ:"read",BY_ALL:"readByAll"})})',
        '/* {"not": "this"} */ o.RECEIPTS={/* a */TYPE:"receipts",f:function(e){return{g:e}},ACTION:{READ:"read",BY_ALL:"readByAll"}}',
        'o.RECEIPTS={NUMBER:3,FLAG:!0,NONE:void 0,SUM:1+2,TYPE:"receipts",ACTION:{READ:"read",BY_ALL:"readByAll"}}',
    ],
)
def test_an_object_is_read_however_it_is_written(javascript: str) -> None:
    """Variables, quotes, blanks, frozen objects and neighbours make no difference."""
    assert words(javascript) == {
        "RECEIPTS.TYPE": "receipts",
        "RECEIPTS.ACTION.READ": "read",
        "RECEIPTS.ACTION.BY_ALL": "readByAll",
    }


def test_a_local_variable_has_no_name_but_its_keys_have() -> None:
    """The lists of an object in a variable stand under its keys, each text of them."""
    assert words('var M={TYPES:["message_pin","pin"],ACTIONS:{PINNED:["pinned","pin"]}};') == {
        "TYPES": ["message_pin", "pin"],
        "ACTIONS.PINNED": ["pinned", "pin"],
    }


def test_an_export_may_be_one_text() -> None:
    """A text that is assigned to a property is a constant of its own."""
    assert words('t.WS_TYPE="feed",t.WS_ACTION="sent";var o="local"') == {"WS_TYPE": "feed", "WS_ACTION": "sent"}


@pytest.mark.parametrize(
    "javascript",
    [
        't.A={B:"x"+y}',
        't.A={B:"x".length}',
        'f("x"),[1,"y"],{a:b}',
        'if(a){b("x")}else{c:"x"}',
        'switch(a){case "x":{b=1}}',
    ],
)
def test_what_is_computed_is_no_constant(javascript: str) -> None:
    """A text that is a part of an expression, an argument or a label is not a word by itself."""
    assert words(javascript) == {}


def test_brackets_and_quotes_in_texts_do_not_mislead() -> None:
    """Regular expressions, templates and texts with brackets and quotes are passed over as one."""
    before = r"""var r=/[{"']\//g,s="}{]\"",u='{',q=`a${b({c:"d"})}{`,d=a/b/c;"""
    assert words(before + 't.NEW={q:`${b}}`,r:/}/,TYPE:"new"};') == {"NEW.TYPE": "new"}


@pytest.mark.parametrize(
    "javascript",
    [
        '(u=t.Mood||(t.Mood={})).GLAD="glad",u.SAD="sad",t.OTHER="other"',
        '((q = n.Mood || (n.Mood = {})).GLAD = "glad"),\n(q.SAD = "sad")',
        '!function(e){e.GLAD="glad",e.SAD="sad"}(t.Mood||(t.Mood={}));',
        '(function (Mood) {\n  Mood.GLAD = "glad";\n  Mood.SAD = "sad";\n})(Mood || (exports.Mood = Mood = {}));',
        '(e=>{e.GLAD="glad",e.SAD="sad"})(Mood||(Mood={}))',
    ],
)
def test_an_enum_of_typescript_is_read_in_every_form(javascript: str) -> None:
    """Both forms that TypeScript and minifiers make of an enum give its members under its name."""
    assert read(javascript).enums == (Constant(("Mood", "GLAD"), "glad"), Constant(("Mood", "SAD"), "sad"))


def test_an_enum_of_one_member_needs_no_variable() -> None:
    """A minifier leaves the variable out where nothing comes after the first member."""
    assert read('(t.Mood||(t.Mood={})).GLAD="glad",u.SAD="sad"').enums == (Constant(("Mood", "GLAD"), "glad"),)


def test_an_enum_of_numbers_has_no_words() -> None:
    """Members without a text are left out."""
    assert read("(u=t.Days||(t.Days={}))[u.ONE=1]=\"ONE\",u[u.TWO=2]='TWO'").enums == ()
    assert read("(u=t.Days||(t.Days={})).ONE=1,u.TWO=2").enums == ()


def test_listeners_are_what_a_class_takes_from_its_argument() -> None:
    """A listener counts by the name that the application gives it, not by that of the class; other keys do not."""
    javascript = (
        "function L(){for(var e=[],t=0;t<arguments.length;t++)e[t]=arguments[t];"
        "r.isFalsy(e[0].onRead)||(this.onRead=e[0].onRead),"
        "r.isFalsy(e[0].onMemberAdded)||( this.onAdded = e[0].onMemberAdded ),this.lastSeen=e[0].lastSeen}"
    )
    assert read(javascript).listeners == {"onRead", "onMemberAdded"}


def test_nothing_is_found_in_nothing() -> None:
    """An empty bundle has no words, and neither have brackets that do not match."""
    assert read("") == Bundle((), (), frozenset())
    assert read('}})]t.A={B:"b"') == Bundle((Constant(("A", "B"), "b"),), (), frozenset())
