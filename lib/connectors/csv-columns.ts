import { UserError } from '../model/faults.ts'

export interface CsvColumnOptions {
  readonly header: boolean
  readonly columns: readonly string[] | undefined
}

/** A row as a schema or a user sees it. */
export type CsvRow = Readonly<Record<string, string>> | readonly string[]

/** Makes rows of fields: arrays without columns, else objects. */
export class CsvColumns {
  /** All fields of a record, in order; undefined: any number of them. */
  readonly all: readonly string[] | undefined
  private readonly kept: readonly (readonly [name: string, index: number])[]

  private constructor(all: readonly string[] | undefined, kept: readonly string[]) {
    this.all = all
    this.kept = kept.map((name) => [name, (all ?? []).indexOf(name)])
  }

  static withoutHeader(columns: readonly string[] | undefined): CsvColumns {
    return new CsvColumns(columns, columns ?? [])
  }

  /** @throws UserError if the header names a column twice, or lacks one that was asked for. */
  static ofHeader(
    path: string,
    header: readonly string[],
    columns: readonly string[] | undefined,
  ): CsvColumns {
    const missing = (columns ?? []).filter((name) => !header.includes(name))
    const problems = missing.map(
      (name) => `csv: expected a column "${name}" in ${path}, its header has: ${header.join(', ')}`,
    )
    problems.push(...columnProblems(`the header of ${path}`, header))
    if (problems.length > 0) throw new UserError(problems)
    return new CsvColumns(header, columns ?? header)
  }

  /** Why these fields are no row. */
  defect(fields: readonly string[]): string | undefined {
    const { all } = this
    if (all === undefined || all.length === fields.length) return undefined
    return `expected ${all.length} fields (${all.join(', ')}), got ${fields.length}`
  }

  row(fields: readonly string[]): CsvRow {
    if (this.all === undefined) return fields
    const row: Record<string, string> = {}
    for (const [name, index] of this.kept) row[name] = fields[index]!
    return row
  }
}

export function columnProblems(where: string, columns: readonly string[]): string[] {
  const repeated = columns.filter((name, index) => columns.indexOf(name) !== index)
  const problems = [...new Set(repeated)].map(
    (name) => `csv: expected each column once in ${where}, got "${name}" again`,
  )
  if (columns.includes('__proto__')) problems.push(`csv: expected no column named "__proto__" in ${where}`)
  return problems
}
