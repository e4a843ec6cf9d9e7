import type { Sandbox } from '../../platform/sandbox/sandbox.ts';
import type { StepConfig } from './configs.ts';
import type { FillIn } from './fill-in.ts';
import { outputOf } from './reconcile.ts';
import { stepFailure } from './sandbox-failure.ts';
import type { Scope, StepRunner } from './step.ts';
import type { DOCUMENT_FORMATS } from './vocabulary.ts';

export type GenerateOutput = {
  format: string;
  /** A MIME type. */
  contentType: string;
  bytes: number;
  /** The text, of every format but pdf. */
  content?: string;
  /** The file, of pdf. */
  contentBase64?: string;
  /** Of pdf: what the standard fonts lack, printed as question marks. */
  replacedCharacters?: string[];
};

export type DocumentFormat = keyof typeof DOCUMENT_FORMATS | 'text';

type Asked = {
  template: string;
  format: DocumentFormat;
  scope: Scope;
  variables?: unknown;
  signal?: AbortSignal;
};

export type Documents = {
  /**
   * Fills in a mustache template, in the sandbox.
   *
   * @param asked.variables what the template may name in addition to `input`, `steps`, `state` and `vars`
   * @throws {StepError} TEMPLATE_INVALID, DOCUMENT_INVALID (no JSON), SIZE_LIMIT, TIME_LIMIT, MEMORY_LIMIT
   */
  render(asked: Asked): Promise<GenerateOutput>;
};

const TIME_MS = 5_000;

export function createDocuments({ sandbox }: { sandbox: Sandbox }): Documents {
  return {
    async render({ template, format, scope: { input, steps, state, vars }, variables = {}, signal }) {
      const view = { input, steps, state, vars, ...(variables as object) };
      const options = { timeoutMs: TIME_MS, ...(signal ? { signal } : {}) };
      try {
        return outputOf(await sandbox.run('document', { template, format, view }, options)) as GenerateOutput;
      } catch (thrown) {
        throw stepFailure(thrown, 'template');
      }
    },
  };
}

/** Makes a document from a template; the output is a {@link GenerateOutput}. */
export function createGenerate(given: {
  documents: Documents;
  fillIn: FillIn;
}): StepRunner<StepConfig<'generate'>> {
  const { documents, fillIn } = given;
  return async ({ template, format, variables = {} }, scope, { signal }) => {
    const filled = await fillIn.fill(variables, scope, { signal, secrets: 'none' });
    return documents.render({ template, format, scope, variables: filled, signal });
  };
}
