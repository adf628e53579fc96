import { EXIT_CODES } from '../exit-codes.ts'

export const EXIT_CODE_LINES: readonly string[] = EXIT_CODES.map(
  ([code, meaning]) => `${code.padEnd(10)}${meaning}`,
)

/** What follows the options in a help page. */
export function helpText(sections: readonly (readonly [title: string, lines: readonly string[]])[]): string {
  return sections
    .map(([title, lines]) => `\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`)
    .join('\n')
}
