// What the shop allowed the app to do, against what it needs.

/** `write_x` includes `read_x`, and Shopify leaves the implied one out of its answer. */
export function missingScopes(about: { granted: string; needed: readonly string[] }): string[] {
  const granted = about.granted.split(',').map((scope) => scope.trim());
  return about.needed.filter(
    (scope) => !granted.includes(scope) && !granted.includes(scope.replace(/^read_/, 'write_')),
  );
}
