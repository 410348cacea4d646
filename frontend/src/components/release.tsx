import { readVersion } from "../api/checkin";
import { useLoad } from "../load";

/** Which release serves, for whoever reports a fault. */
export function Release() {
  const { data, problem } = useLoad(readVersion);
  if (data) {
    return (
      <p>
        Release <code>{data.release}</code> · revision <code>{data.revision.slice(0, 12)}</code>
      </p>
    );
  }
  return <p>{problem ? "Release unknown" : "Release …"}</p>;
}
