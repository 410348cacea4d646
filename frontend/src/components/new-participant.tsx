import { createParticipant, type Participant } from "../api/checkin";
import { Field, Form } from "./form";

/** The form for another participant. */
export function NewParticipant({
  isFirst,
  onCreated,
}: {
  isFirst: boolean;
  onCreated: (participant: Participant) => void;
}) {
  return (
    <Form
      summary="New participant"
      submit="Add participant"
      isOpen={isFirst}
      isSeries
      send={async (value) => {
        onCreated(await createParticipant(value("name"), value("email")));
      }}
    >
      {(problem) => (
        <>
          <Field name="name" label="Name" required maxLength={200} autoComplete="off" problem={problem} />
          <Field
            name="email"
            label="Email"
            type="email"
            required
            maxLength={254}
            autoComplete="off"
            problem={problem}
          />
        </>
      )}
    </Form>
  );
}
