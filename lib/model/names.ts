/** Names of jobs and operators become parts of paths, keys and messages: no longer than this. */
export const NAME_CHARS_MAX = 200

/** What is wrong with the name of a job or with a uid; undefined if nothing is. */
export function nameProblem(name: string): string | undefined {
  if (name.length === 0) return 'expected a name, got empty text'
  if (name.length > NAME_CHARS_MAX) return `expected at most ${NAME_CHARS_MAX} characters, got ${name.length}`
  // A folder is named after it.
  if (name === '.' || name === '..') return `expected a name other than '.' and '..'`
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f/]/.test(name)) return "expected no '/' and no control characters"
  return undefined
}
