import type { Message } from './types'

export interface FieldComplaint {
  field: string
  code: string
  message: string
}

/** A refusal of the hub (RFC 9457), or the lack of any answer (status 0). */
export class Problem extends Error {
  readonly status: number
  readonly detail: string
  readonly fields: FieldComplaint[]
  /** The messages that the writer had not seen, with a 409 of the reply guard. */
  readonly missed: Message[]

  constructor(status: number, title: string, detail = '', fields: FieldComplaint[] = [], missed: Message[] = []) {
    super(detail || title)
    this.status = status
    this.detail = detail
    this.fields = fields
    this.missed = missed
  }

  get offline() {
    return this.status === 0
  }

  /** Complaints by field name, for a form. */
  byField(): Record<string, string> {
    return Object.fromEntries(this.fields.map((f) => [f.field, f.message]))
  }
}

/** The problem behind any thrown thing. */
export function asProblem(e: unknown): Problem {
  if (e instanceof Problem) return e
  return new Problem(0, e instanceof Error ? e.message : String(e))
}
