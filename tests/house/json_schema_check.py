# Holds YAML files against the JSON Schema on standard input: python3 json_schema_check.py FILE...
#
# Prints a line for each document that is not valid. Ends with 0 when all are, 2 when one is not, 3 when the
# Python packages are missing.

import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(missing)
    sys.exit(3)


class Loader(yaml.SafeLoader):
    """As kubectl reads: a date is a text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(name):
    with open(name, encoding="utf-8") as file:
        text = file.read()
    try:
        return [json.loads(text)]  # may be indented with tabs, which YAML is not
    except ValueError:
        return [document for document in yaml.load_all(text, Loader) if document is not None]


schema = json.load(sys.stdin)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
is_valid = True
for name in sys.argv[1:]:
    for document in documents(name):
        # As JSON, where keys are texts: YAML 1.1 reads the key "on" as true.
        for error in validator.iter_errors(json.loads(json.dumps(document))):
            is_valid = False
            print(f"{name}: {error.json_path}: {error.message[:200]}")
sys.exit(0 if is_valid else 2)
