/** What the files of this folder promise to whoever builds from them. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const read = (name: string) => readFileSync(path.resolve(import.meta.dirname, "..", name), "utf8");

interface Lock {
  packages: Record<string, { version?: string; integrity?: string; resolved?: string }>;
}

describe("the lock file", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as Lock;
  const locked = Object.entries(packages).filter(([name]) => name !== "");

  test("holds the hash of every package", () => {
    expect(locked.length).toBeGreaterThan(100);
    expect(locked.filter(([, { integrity }]) => integrity?.startsWith("sha512-") !== true)).toEqual([]);
  });

  test("holds no addresses, so that any registry or mirror will do", () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });
});

test("every dependency has one exact version", () => {
  const wanted = JSON.parse(read("package.json")) as Record<"dependencies" | "devDependencies", Record<string, string>>;
  const versions = Object.values({ ...wanted.dependencies, ...wanted.devDependencies });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});
