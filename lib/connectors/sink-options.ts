import { UserError } from '../model/faults.ts'

/** Gathers what is wrong with the options of a sink, to tell of all of it at once. */
export class OptionProblems {
  private readonly kind: string
  private readonly problems: string[] = []

  constructor(kind: string) {
    this.kind = kind
  }

  expect(holds: boolean, name: string, expected: string, found: unknown): void {
    if (holds) return
    this.problems.push(`${this.kind}: expected ${name} to be ${expected}, got ${JSON.stringify(found)}`)
  }

  /** @throws UserError if there was any. */
  refuse(): void {
    if (this.problems.length > 0) throw new UserError(this.problems)
  }
}
