import { useState } from "react";
import { createSession, type Session } from "../api/checkin";
import { localInput, nextHour } from "../words";
import { Field, Form } from "./form";

/** The form for another session. */
export function NewSession({ isFirst, onCreated }: { isFirst: boolean; onCreated: (session: Session) => void }) {
  const [proposal] = useState(() => localInput(nextHour(new Date())));
  const [zone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
  return (
    <Form
      summary="New session"
      submit="Create session"
      isOpen={isFirst}
      send={async (value) => {
        onCreated(await createSession(value("title"), new Date(value("starts_at")), Number(value("capacity"))));
      }}
    >
      {(problem) => (
        <>
          <Field name="title" label="Title" required maxLength={200} autoComplete="off" problem={problem} />
          <Field
            name="starts_at"
            label="Starts"
            type="datetime-local"
            required
            min="2000-01-02T00:00"
            max="2099-12-30T23:59"
            defaultValue={proposal}
            hint={`Time zone: ${zone}`}
            problem={problem}
          />
          <Field
            name="capacity"
            label="Places"
            type="number"
            required
            min={1}
            max={100_000}
            step={1}
            defaultValue={20}
            problem={problem}
          />
        </>
      )}
    </Form>
  );
}
