/** Turns what came over the network into what the types say, or throws a Problem that names the place. */
import { unexpected } from "./http";
import { isRecord } from "./problem";

export type Decoder<Value> = (value: unknown, where: string) => Value;

export const text: Decoder<string> = (value, where) => {
  if (typeof value !== "string") {
    throw unexpected(`${where} is no text`);
  }
  return value;
};

export const whole: Decoder<number> = (value, where) => {
  if (!Number.isSafeInteger(value)) {
    throw unexpected(`${where} is no whole number`);
  }
  return value as number;
};

export const moment: Decoder<Date> = (value, where) => {
  const date = new Date(text(value, where));
  if (Number.isNaN(date.getTime())) {
    throw unexpected(`${where} is no point in time`);
  }
  return date;
};

export function oneOf<Word extends string>(...words: Word[]): Decoder<Word> {
  return (value, where) => {
    const found = words.find((word) => word === value);
    if (found === undefined) {
      throw unexpected(`${where} is none of ${words.join(", ")}`);
    }
    return found;
  };
}

export function listOf<Item>(item: Decoder<Item>): Decoder<Item[]> {
  return (value, where) => {
    if (!Array.isArray(value)) {
      throw unexpected(`${where} is no list`);
    }
    return value.map((entry, index) => item(entry, `${where}[${String(index)}]`));
  };
}

/** Reads members of an object: `read("title", text)`. Members that nobody asks for are ignored. */
export function object<Value>(
  build: (read: <Member>(name: string, decode: Decoder<Member>) => Member) => Value,
): Decoder<Value> {
  return (value, where) => {
    if (!isRecord(value)) {
      throw unexpected(`${where} is no object`);
    }
    return build((name, decode) => decode(Reflect.get(value, name), `${where}.${name}`));
  };
}
