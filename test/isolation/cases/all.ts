import type { Cases } from '../case.ts';
import { accounts } from './accounts.ts';
import { training } from './training.ts';

/** The cases of every module. */
export const cases: Cases = { ...accounts, ...training };
