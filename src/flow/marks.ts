import { z } from 'zod';

/**
 * Schemas that mean something to the checker. A node type uses these very objects for its fields, and `collectMarks`
 * finds them again: so an exit, a prompt or a number of a new node type can't be forgotten by the checker.
 */

/** What a missing target is told as: the caller would hear nothing more. */
export const missingTarget = 'nothing follows here';

export const nodeIdPattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** The id of the node that follows. */
export const nodeRef = z
  .string({ error: (issue) => (issue.input === undefined ? missingTarget : undefined) })
  .regex(nodeIdPattern, 'a node id: a letter, then letters, digits, _ or -')
  .meta({ id: 'nodeRef', description: 'Id of the node that follows' });

/** A language of the flow. */
export const languageRef = z
  .string()
  .regex(/^[a-z]{2}$/, 'a language code of two letters')
  .meta({ id: 'language', description: 'ISO 639-1 code of a language that the flow lists in `languages`' });

export const variablePattern = /^[a-z][A-Za-z0-9_]{0,31}$/;
const variableMessage = 'a variable: a lower-case letter, then letters, digits or _';

/** A variable that the node sets. */
export const setsVariable = z
  .string()
  .regex(variablePattern, variableMessage)
  .meta({ id: 'setsVariable', description: 'Name of the variable that is set' });

/** A variable that the node reads. */
export const readsVariable = z
  .string()
  .regex(variablePattern, variableMessage)
  .meta({ id: 'readsVariable', description: 'Name of a variable that some node sets' });

/** A variable whose value is dialled. */
export const dialsVariable = z
  .string()
  .regex(variablePattern, variableMessage)
  .meta({ id: 'dialsVariable', description: 'Name of the variable whose digits are dialled' });

/** Constant values for variables. */
export const assignments = z
  .record(z.string().regex(variablePattern, variableMessage), z.string().max(64))
  .meta({ id: 'assignments', description: 'Variables to set, each with its value' });

/** A number that the node dials. */
export const dialNumber = z
  .string()
  .min(1)
  .max(40)
  .meta({ id: 'dialNumber', description: 'Phone number or extension; never 110, 118 or 119' });

/** A queue of the desk. */
export const queueRef = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a queue id: lower-case letters, digits and hyphens');

const text = z
  .string()
  .min(1)
  .max(1000)
  .meta({ description: 'Text to be spoken; `{{name}}` stands for the value of a variable' });

const promptSource = z.union([
  z.strictObject({
    file: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^/\\]/, 'relative to the flow folder')
      .meta({ description: 'WAV file, relative to the flow folder' }),
  }),
  z.strictObject({ text }),
  z.strictObject({
    digitsOf: z
      .string()
      .regex(variablePattern, variableMessage)
      .meta({ description: 'Variable to read out by digits' }),
    folder: z.string().min(1).max(200).meta({ description: 'Folder with 0.wav to 9.wav, relative to the flow folder' }),
  }),
  z.strictObject({
    fileOf: z
      .string()
      .regex(variablePattern, variableMessage)
      .meta({ description: 'Variable whose value picks a file: 3 → 3.wav' }),
    folder: z.string().min(1).max(200).meta({ description: 'Folder of these files, relative to the flow folder' }),
    values: z
      .array(z.string().regex(/^[a-z0-9-]{1,40}$/, 'lower-case letters, digits and hyphens'))
      .min(1)
      .max(200)
      .meta({ description: 'Values that have a file' }),
    otherwise: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^/\\]/, 'relative to the flow folder')
      .meta({
        description: 'WAV file for every other value, and for none',
      }),
  }),
  z.strictObject({
    tone: z.string().regex(/^%\([0-9,.+;]{1,60}\)$/, 'like %(400,200,400,450)'),
    loops: z.int().min(1).max(60).optional(),
  }),
  z.strictObject({ silenceMs: z.int().min(20).max(10_000) }),
]);
export type PromptSource = z.output<typeof promptSource>;

/**
 * What is heard, per language: one sound or several in a row. `*` serves every language that has no entry of its own.
 */
export const prompt = z
  .record(
    z.string().regex(/^([a-z]{2}|\*)$/, 'a language code or *'),
    z.union([promptSource, z.array(promptSource).min(1).max(20)]),
  )
  .meta({
    id: 'prompt',
    description: 'What is heard, per language: {"ja": {"file": "…"}, "en": {"text": "…"}}; `*` = any language',
  });
export type LocalizedPrompt = z.output<typeof prompt>;

export type Mark =
  | 'nodeRef'
  | 'language'
  | 'setsVariable'
  | 'readsVariable'
  | 'dialsVariable'
  | 'assignments'
  | 'dialNumber'
  | 'queueRef'
  | 'prompt';
export type Path = readonly (string | number)[];
export type MarkedValue = { mark: Mark; path: Path; value: unknown };

/** A schema that was derived from one of these (`.meta()`, `.regex()`) carries its mark too. */
const marks = z.registry<{ mark: Mark }>();
marks.add(nodeRef, { mark: 'nodeRef' });
marks.add(languageRef, { mark: 'language' });
marks.add(setsVariable, { mark: 'setsVariable' });
marks.add(readsVariable, { mark: 'readsVariable' });
marks.add(dialsVariable, { mark: 'dialsVariable' });
marks.add(assignments, { mark: 'assignments' });
marks.add(dialNumber, { mark: 'dialNumber' });
marks.add(queueRef, { mark: 'queueRef' });
marks.add(prompt, { mark: 'prompt' });

/** Every marked value inside `value`, which `schema` has accepted, with the path to it. */
export function collectMarks(schema: z.core.$ZodType, value: unknown, path: Path = []): MarkedValue[] {
  if (value === undefined) return [];
  const mark = marks.get(schema)?.mark;
  if (mark) return [{ mark, path, value }];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return collectMarks(schema.unwrap(), value, path);
  }
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, inner]) =>
      collectMarks(inner, field(value, key), [...path, key]),
    );
  }
  if (schema instanceof z.ZodRecord) {
    return Object.keys(value ?? {}).flatMap((key) => collectMarks(schema.valueType, field(value, key), [...path, key]));
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, index) => collectMarks(schema.element, item, [...path, index]));
  }
  if (schema instanceof z.ZodUnion) {
    const option = schema.options.find((candidate) => z.safeParse(candidate, value).success);
    return option ? collectMarks(option, value, path) : [];
  }
  return [];
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
