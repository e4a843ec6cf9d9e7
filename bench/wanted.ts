/** @param list words separated by commas, one of which the name must hold; all names without it */
export function isWanted(list: string | undefined, name: string): boolean {
  return list === undefined || list.split(',').some((word) => name.includes(word));
}
