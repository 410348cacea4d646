/** What went wrong with a request, in words for the person at the desk. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly title: string;
  /** Leads to the log lines of this request; only where the other side gave one. */
  readonly traceId: string | undefined;
  /** What is wrong with single inputs, by their names. */
  readonly fields: ReadonlyMap<string, string>;

  constructor(
    status: number,
    title: string,
    detail: string,
    more: { traceId?: string | undefined; fields?: ReadonlyMap<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.status = status;
    this.title = title;
    this.traceId = more.traceId;
    this.fields = more.fields ?? new Map();
  }

  /** Something failed, which another try or the operators may mend; otherwise the server understood, and refused. */
  get isFault(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Reads an answer that is not a success: RFC 9457 problem details, or whatever else a server in between made of it. */
export async function problemOf(answer: Response): Promise<Problem> {
  const type = answer.headers.get("content-type") ?? "";
  const body: unknown = type.startsWith("application/problem+json") ? await answer.json().catch(() => null) : null;
  if (!isRecord(body)) {
    return new Problem(answer.status, "Unexpected answer", `The server answered with status ${String(answer.status)}.`);
  }
  return new Problem(answer.status, textOr(body.title, "Error"), textOr(body.detail, "The server gave no details."), {
    traceId: textOr(body.trace_id, undefined),
    fields: fieldsOf(body.errors),
  });
}

function fieldsOf(errors: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const error of Array.isArray(errors) ? (errors as unknown[]) : []) {
    if (isRecord(error) && typeof error.name === "string" && typeof error.detail === "string") {
      fields.set(error.name, error.detail);
    }
  }
  return fields;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOr<Other>(value: unknown, other: Other): string | Other {
  return typeof value === "string" && value !== "" ? value : other;
}
