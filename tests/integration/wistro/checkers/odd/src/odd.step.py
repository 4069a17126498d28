TEXT = {"type": "string"}
KEYS = ["from", "content-type", "__private", "größe", "2nd", "a'b\"c\n", "ﬁ", "", "class", "None", "self"]
ODD = {
    "type": "object",
    "required": KEYS[:4],
    "properties": {key: {"type": "string", "description": 'x */ """ \\ ' + key} for key in KEYS},
    "additionalProperties": {"type": "integer"},
}
TREE = {
    "$ref": "#/$defs/t",
    "$defs": {
        "t": {
            "type": "object",
            "required": ["below"],
            "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/t"}}, "weird-key": {"$ref": "#/$defs/t"}},
        }
    },
}
JSON = {
    "$ref": "#/$defs/j",
    "$defs": {
        "j": {
            "anyOf": [
                *(TEXT, {"type": "null"}, {"type": "number"}),
                {"type": "array", "items": {"$ref": "#/$defs/j"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/j"}},
            ]
        }
    },
}
TAGGED = {
    "oneOf": [
        {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "card"}, "number": TEXT}},
        {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "cash"}}, "additionalProperties": False},
    ]
}
KINDS = {
    "type": "object",
    "properties": {
        "at": {"type": "array", "prefixItems": [{"type": "number"}, {"type": ["string", "null"]}], "items": False, "minItems": 1},
        "more": {"type": "array", "prefixItems": [TEXT], "items": {"type": "integer"}},
        "listed": {"enum": ["a\n'", "b\\", 1, None, True, 1.5]},
        "any": {},
        "never": {"not": {}},
        "named": {"type": "object", "patternProperties": {"^x": TEXT}},
    },
}
config = {
    "type": "api", "name": "Bestellung prüfen!", "method": "POST", "path": "/a/:shop/:class", "public": True,
    "description": 'Says """ and */ and \\',
    "queryParams": [{"name": "größe", "description": "*/"}, {"name": "a-b"}, {"name": "plain"}],
    "bodySchema": ODD,
    "responseSchema": {200: TREE, 404: {"type": "null"}, 500: JSON},
    "emits": [
        {"topic": "odd", "schema": ODD},
        {"topic": "tree.x", "schema": TREE},
        {"topic": "json", "schema": JSON},
        {"topic": "tagged/it's_\"q\"", "schema": TAGGED},
        {"topic": "kinds", "schema": KINDS},
        {"topic": "付款", "schema": TEXT},
        {"topic": "Request", "schema": KINDS},
        {"topic": "untyped"},
    ],
}


def handler(req, ctx): ...
