const UNRELEASED = /^## Unreleased\n([\s\S]*?)(?=^## |$(?![\s\S]))/m;
const ROW = /^\| `([^`]+)` \|/gm;

/** The coordinates that the page of breaking changes lists as broken on purpose since the last release. */
export function acceptedBreaks(page: string): string[] {
  const [, section = ''] = UNRELEASED.exec(page) ?? [];
  return [...section.matchAll(ROW)].flatMap(([, coordinate]) => coordinate ?? []);
}

/** The page with what was unreleased under the version's heading; as it is where nothing was. */
export function releasedPage(page: string, version: string, day: string): string {
  if (acceptedBreaks(page).length === 0) return page;
  return page.replace(/^## Unreleased\n/m, `## Unreleased\n\nNothing.\n\n## ${version}, ${day}\n`);
}

/** The schema as a release keeps it. */
export function releasedSchema(schema: string, version: string, day: string): string {
  return `# Runcast ${version}, ${day}. Written by \`npm run schema:release\`; what clients are promised.\n\n${schema}`;
}
