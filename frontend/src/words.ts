/** How figures and times are written, in the reader's own language and time zone. */
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

export function dayAndTime(moment: Date): string {
  return DAY.format(moment);
}

export function timeOfDay(moment: Date): string {
  return TIME.format(moment);
}

/** The value of an `<input type="datetime-local">` for a moment. */
export function localInput(moment: Date): string {
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** The full hour after a moment. */
export function nextHour(moment: Date): Date {
  const hour = new Date(moment);
  hour.setHours(hour.getHours() + 1, 0, 0, 0);
  return hour;
}
