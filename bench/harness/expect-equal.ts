/** A side that did other work than the other is no side to compare with. */
export function expectEqual(what: string, got: number, expected: number): void {
  if (got !== expected) throw new Error(`Expected ${expected} ${what}, got ${got}`)
}
