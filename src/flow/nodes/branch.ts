import { z } from 'zod';
import { stripFormatting } from '../../kernel/phone-number.ts';
import { isWithin, timeWindow } from '../../kernel/time-window.ts';
import { languageRef, nodeRef, readsVariable } from '../marks.ts';
import type { Action, NodeView } from '../node-type.ts';
import { defineNode } from '../node-type.ts';
import { isNumber, numberStartsWith } from '../number-match.ts';

const conditionSchema = z
  .strictObject({
    variable: z
      .strictObject({
        name: readsVariable,
        isSet: z.boolean().optional(),
        oneOf: z.array(z.string().max(64)).min(1).max(100).optional(),
        startsWith: z.string().min(1).max(64).optional(),
      })
      .optional()
      .meta({ description: 'On the value of a variable; never true while it is not set, except for "isSet": false' }),
    dialled: z
      .array(z.string().min(1).max(40))
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Numbers dialled, any spelling' }),
    callerPrefix: z
      .array(z.string().min(1).max(40))
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Beginnings of the caller number, like 090 or +81' }),
    callerWithheld: z.boolean().optional(),
    language: languageRef.optional(),
    time: timeWindow.optional(),
  })
  .refine((condition) => Object.keys(condition).length > 0, 'at least one condition');
type Condition = z.output<typeof conditionSchema>;

export const branch = defineNode(
  'branch',
  {
    cases: z
      .array(z.strictObject({ when: conditionSchema, goto: nodeRef }))
      .min(1)
      .max(50)
      .meta({ description: 'The first whose conditions all hold is taken' }),
    otherwise: nodeRef,
  },
  {
    summary: 'Goes where the first matching case says: by variable, number dialled, caller, language or time.',
    enter: (node, view): Action[] => {
      const match = node.cases.find(({ when }) => holds(when, view));
      return [{ type: 'go-to', nodeId: match ? match.goto : node.otherwise }];
    },
  },
);

const isWithheld = (number: string): boolean => !/[0-9]/.test(stripFormatting(number));

/** All parts of the condition must hold. */
function holds(condition: Condition, view: NodeView): boolean {
  const { fromNumber, toNumber } = view.context;
  const { variable, dialled, callerPrefix, callerWithheld, language, time } = condition;
  return (
    (variable === undefined || variableHolds(variable, view)) &&
    (dialled === undefined || dialled.some((number) => isNumber(toNumber, number))) &&
    (callerPrefix === undefined || callerPrefix.some((prefix) => numberStartsWith(fromNumber, prefix))) &&
    (callerWithheld === undefined || callerWithheld === isWithheld(fromNumber)) &&
    (language === undefined || language === view.language) &&
    (time === undefined || isWithin(time, view.atMs, view.timezone))
  );
}

function variableHolds(test: NonNullable<Condition['variable']>, view: NodeView): boolean {
  const value = Object.hasOwn(view.variables, test.name) ? view.variables[test.name] : undefined;
  if (value === undefined) return test.isSet === false;
  return (
    test.isSet !== false &&
    (test.oneOf === undefined || test.oneOf.includes(value)) &&
    (test.startsWith === undefined || value.startsWith(test.startsWith))
  );
}
