import { branch } from './branch.ts';
import { collect } from './collect.ts';
import { escalate } from './escalate.ts';
import { goto } from './goto.ts';
import { hangup } from './hangup.ts';
import { menu } from './menu.ts';
import { record } from './record.ts';
import { say } from './say.ts';
import { transfer } from './transfer.ts';

/** The node types of the flow language. A new one is a file beside these and a line here. */
export const nodeTypes = [say, menu, collect, branch, record, transfer, escalate, goto, hangup] as const;
