import { badInput } from './errors.ts';

/** Where a row lies in an ordered list: the order, and the texts of its fields in the row. */
export type Place = { field: string; texts: readonly string[] };

export function cursorOf({ field, texts }: Place): string {
  return Buffer.from(JSON.stringify([field, ...texts])).toString('base64url');
}

/**
 * @param argument `after` or `before`, to name it
 * @throws BAD_USER_INPUT on what no page of this list in this order had as a cursor
 */
export function placeOf(
  cursor: string,
  argument: string,
  field: string,
  isText: readonly ((text: string) => boolean)[],
): readonly string[] {
  const [itsField, ...texts] = partsOf(cursor);
  if (itsField !== undefined && itsField !== field) {
    throw badInput(
      `\`${argument}\` is a cursor of another order: begin again, or keep to the order it came from.`,
    );
  }
  if (texts.length !== isText.length || !texts.every((text, at) => isText[at]?.(text))) {
    throw badInput(`\`${argument}\` is no cursor of this list: take it from a page's edges or pageInfo.`);
  }
  return texts;
}

function partsOf(cursor: string): string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : [];
  } catch {
    return [];
  }
}
