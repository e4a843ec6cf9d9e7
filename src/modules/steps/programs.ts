/** What of the steps runs within the sandbox, over values that may be large: `createSandbox({ programs })` gets them. */
export const STEP_PROGRAMS = {
  reconcile: new URL('./programs/reconcile.ts', import.meta.url),
  document: new URL('./programs/document.ts', import.meta.url),
} as const;
