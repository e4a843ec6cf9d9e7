/** One line of the report. */
export type Check = {
  ok: boolean;
  /** What was looked at. */
  what: string;
  /** What is wrong, or what was found. */
  detail?: string;
};
