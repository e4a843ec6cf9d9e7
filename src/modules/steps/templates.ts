import type { Scope, StepCall } from './step.ts';

/** Renders a logic-less template over a view as plain text: nothing in it is escaped for HTML. */
export type RenderTemplate = (template: string, view: Readonly<Record<string, unknown>>) => Promise<string>;

/**
 * Fills in the `{{ … }}` of every text within a value, however deep; keys stay as they are. A text that is nothing but
 * one `{{ … }}` becomes what that is.
 */
export type FillTemplates = (value: unknown, scope: Scope, call: StepCall) => Promise<unknown>;
