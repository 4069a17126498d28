// JSON Schema of zod 3's types: what a message must be before zod's own transforms (its input).

const FORMATS = { email: 'email', url: 'uri', uuid: 'uuid', datetime: 'date-time', date: 'date', time: 'time' };

export function fromZod3(schema) {
  const definitions = {};
  const names = new Map(); // of lazy types, by their getter: they may hold themselves
  const found = convert(schema, { definitions, names });
  return Object.keys(definitions).length > 0 ? { ...found, $defs: definitions } : found;
}

function convert(schema, into) {
  const def = schema._def;
  const kind = def.typeName.slice(3);
  const found = KINDS[kind]?.(def, into, schema);
  if (found === undefined) throw new Error(`zod's ${kind} has no JSON Schema; write the schema itself, or describe what arrives`);
  return def.description && !found.$ref ? { ...found, description: def.description } : found;
}

const KINDS = {
  String: (def) => text(def),
  Number: (def) => number(def),
  Boolean: () => ({ type: 'boolean' }),
  Null: () => ({ type: 'null' }),
  Any: () => ({}),
  Unknown: () => ({}),
  Never: () => ({ not: {} }),
  Literal: (def) => ({ const: checked(def.value) }),
  Enum: (def) => ({ enum: [...def.values] }),
  NativeEnum: (def) => ({ enum: nativeValues(def.values) }),
  Array: (def, into) => list(def, into),
  Tuple: (def, into) => ({
    type: 'array',
    prefixItems: def.items.map((one) => convert(one, into)),
    items: def.rest ? convert(def.rest, into) : false,
    minItems: def.items.length,
  }),
  Set: (def, into) => {
    throw new Error('a Set cannot come by JSON; use an array');
  },
  Object: (def, into) => object(def, into),
  Record: (def, into) => {
    const names = def.keyType ? convert(def.keyType, into) : { type: 'string' };
    const { type, ...rest } = names;
    const found = { type: 'object', additionalProperties: convert(def.valueType, into) };
    return Object.keys(rest).length > 0 ? { ...found, propertyNames: names } : found;
  },
  Union: (def, into) => ({ anyOf: def.options.map((one) => convert(one, into)) }),
  DiscriminatedUnion: (def, into) => ({ oneOf: [...def.options].map((one) => convert(one, into)) }),
  Intersection: (def, into) => ({ allOf: [convert(def.left, into), convert(def.right, into)] }),
  Optional: (def, into) => convert(def.innerType, into),
  Nullable: (def, into) => ({ anyOf: [convert(def.innerType, into), { type: 'null' }] }),
  Default: (def, into) => convert(def.innerType, into),
  Catch: () => ({}),
  Branded: (def, into) => convert(def.type, into),
  Readonly: (def, into) => convert(def.innerType, into),
  Pipeline: (def, into) => convert(def.in, into),
  Effects: (def, into) => {
    if (def.effect.type === 'preprocess') return {};
    return convert(def.schema, into);
  },
  Lazy: (def, into) => {
    if (!into.names.has(def.getter)) {
      const name = `lazy${into.names.size}`;
      into.names.set(def.getter, name);
      into.definitions[name] = {};
      into.definitions[name] = convert(def.getter(), into);
    }
    return { $ref: `#/$defs/${into.names.get(def.getter)}` };
  },
};

function text(def) {
  if (def.coerce) return {};
  const found = { type: 'string' };
  const patterns = [];
  for (const check of def.checks) {
    if (check.kind === 'min') found.minLength = Math.max(found.minLength ?? 0, check.value);
    else if (check.kind === 'max') found.maxLength = Math.min(found.maxLength ?? Infinity, check.value);
    else if (check.kind === 'length') found.minLength = found.maxLength = check.value;
    else if (check.kind === 'regex') patterns.push(pattern(check.regex));
    else if (check.kind === 'startsWith') patterns.push(`^${escaped(check.value)}`);
    else if (check.kind === 'endsWith') patterns.push(`${escaped(check.value)}$`);
    else if (check.kind === 'includes') patterns.push(escaped(check.value));
    else if (check.kind in FORMATS) found.format = FORMATS[check.kind];
    else if (!['trim', 'toLowerCase', 'toUpperCase'].includes(check.kind)) found.format = check.kind;
  }
  if (patterns.length > 0) found.pattern = patterns[0];
  if (patterns.length > 1) found.allOf = patterns.slice(1).map((one) => ({ pattern: one }));
  return found;
}

function pattern(regex) {
  if (/[imsy]/.test(regex.flags)) throw new Error(`the flags of ${regex} have no JSON Schema`);
  return regex.source;
}

const escaped = (part) => part.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

function number(def) {
  if (def.coerce) return {};
  const found = { type: 'number' };
  for (const check of def.checks) {
    if (check.kind === 'int') found.type = 'integer';
    else if (check.kind === 'min') found[check.inclusive ? 'minimum' : 'exclusiveMinimum'] = check.value;
    else if (check.kind === 'max') found[check.inclusive ? 'maximum' : 'exclusiveMaximum'] = check.value;
    else if (check.kind === 'multipleOf') found.multipleOf = check.value;
  }
  return found;
}

function list(def, into) {
  const found = { type: 'array', items: convert(def.type, into) };
  const least = def.exactLength ?? def.minLength;
  const most = def.exactLength ?? def.maxLength;
  if (least) found.minItems = least.value;
  if (most) found.maxItems = most.value;
  return found;
}

function object(def, into) {
  const shape = def.shape();
  const properties = {};
  const required = [];
  for (const [name, one] of Object.entries(shape)) {
    properties[name] = convert(one, into);
    if (!mayBeMissing(one)) required.push(name);
  }
  const found = { type: 'object', properties, required };
  if (def.unknownKeys === 'strict') found.additionalProperties = false;
  else if (def.catchall._def.typeName !== 'ZodNever') found.additionalProperties = convert(def.catchall, into);
  return found;
}

// Asked of the type, not of a value: a `preprocess` or `refine` must not run here.
function mayBeMissing(schema) {
  const def = schema._def;
  switch (def.typeName) {
    case 'ZodOptional':
    case 'ZodDefault':
    case 'ZodCatch':
    case 'ZodAny':
    case 'ZodUnknown':
    case 'ZodUndefined':
      return true;
    case 'ZodNullable':
    case 'ZodReadonly':
      return mayBeMissing(def.innerType);
    case 'ZodBranded':
      return mayBeMissing(def.type);
    case 'ZodEffects':
      return def.effect.type === 'preprocess' || mayBeMissing(def.schema);
    case 'ZodPipeline':
      return mayBeMissing(def.in);
    case 'ZodUnion':
      return def.options.some(mayBeMissing);
    default:
      return false;
  }
}

function nativeValues(values) {
  const numeric = Object.keys(values).filter((key) => typeof values[values[key]] !== 'number');
  return numeric.map((key) => values[key]);
}

function checked(value) {
  if (!['string', 'number', 'boolean'].includes(typeof value) && value !== null) {
    throw new Error(`the literal ${String(value)} has no JSON Schema`);
  }
  return value;
}
