import { type ComponentProps, type ReactNode, useId, useRef, useState } from "react";
import type { Problem } from "../api/problem";
import { asProblem } from "../load";
import { Failure } from "./notice";

/** What the server says of single inputs stands beside them. */
const MARKED = "Please look at what is marked.";

interface FormProps {
  summary: string;
  submit: string;
  /** Whether it is unfolded at first; from then on that is the person's choice. */
  isOpen: boolean;
  /** For several in a row: stays unfolded, ready for the next one. */
  isSeries?: boolean;
  /** Receives the inputs' values by name, without space around them. */
  send: (values: (name: string) => string) => Promise<void>;
  /** The inputs; they get what the server said is wrong with them. */
  children: (problem: Problem | undefined) => ReactNode;
}

/** A form that unfolds, says what is wrong, and is empty again after it was accepted. */
export function Form({ summary, submit, isOpen, isSeries = false, send, children }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [initially] = useState(isOpen);
  const fold = useRef<HTMLDetailsElement>(null);

  const accept = async (form: HTMLFormElement) => {
    if (busy) {
      return;
    }
    const values = new FormData(form);
    setBusy(true);
    setProblem(undefined);
    try {
      await send((name) => {
        const value = values.get(name);
        return typeof value === "string" ? value.trim() : "";
      });
      form.reset();
      if (isSeries) {
        form.querySelector("input")?.focus();
      } else if (fold.current) {
        fold.current.open = false;
      }
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <details ref={fold} className="form" open={initially}>
      <summary>{summary}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void accept(event.currentTarget);
        }}
      >
        {children(problem)}
        {problem && <Failure what="Not saved." problem={problem} {...(problem.fields.size > 0 && { why: MARKED })} />}
        <button type="submit" className="primary" disabled={busy}>
          {busy ? "Saving…" : submit}
        </button>
      </form>
    </details>
  );
}

interface FieldProps extends ComponentProps<"input"> {
  name: string;
  label: string;
  hint?: string;
  problem: Problem | undefined;
}

/** An input with its label, a hint, and what the server said is wrong with it. */
export function Field({ name, label, hint, problem, ...input }: FieldProps) {
  const id = useId();
  const wrong = problem?.fields.get(name);
  const notes = [hint !== undefined && `${id}-hint`, wrong !== undefined && `${id}-wrong`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        name={name}
        aria-invalid={wrong === undefined ? undefined : true}
        aria-describedby={notes === "" ? undefined : notes}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="quiet">
          {hint}
        </p>
      )}
      {wrong !== undefined && (
        <p id={`${id}-wrong`} className="wrong">
          {wrong}
        </p>
      )}
    </div>
  );
}
