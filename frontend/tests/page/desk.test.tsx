import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { problem, type Reply } from "../fake-api";
import { fakeNetwork, held, minutesAgo, type Network, noConnection, open } from "./page";

let network: Network;
beforeEach(() => {
  network = fakeNetwork();
});

const desk = () => screen.findByRole("region", { name: "Check-in desk" });
const row = async (name: string) => (await screen.findByText(name)).closest("li") as HTMLElement;
const checkIn = (name: string) => screen.findByRole("button", { name: `Check in ${name}` });

describe("the desk", () => {
  test("opens from the list, takes the focus, and closes with the browser's back", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    const { person } = open();
    await person.click(await screen.findByRole("link", { name: /Opening/ }));
    expect(await screen.findByRole("heading", { name: "Opening" })).toHaveFocus();
    expect(window.location.pathname).toBe(`/sessions/${session.id}`);
    window.history.back();
    expect(await screen.findByText("Choose a session to check participants in.")).toBeInTheDocument();
  });

  test("says when there is no such session", async () => {
    open("/sessions/8d7f6a52-3b1c-4e0f-9a2d-5c6b7e8f9012");
    expect(await within(await desk()).findByText(/There is no such session/)).toBeVisible();
  });

  test("says why it cannot be shown, and shows it after another try", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    network.interfere = (_, path) =>
      path.includes("check-ins") ? problem(504, "Gateway Timeout", "Too late.") : undefined;
    const { person } = open(`/sessions/${session.id}`);
    const alert = await within(await desk()).findByRole("alert");
    expect(alert).toHaveTextContent("The session cannot be shown. Too late.");
    network.interfere = () => undefined;
    await person.click(within(alert).getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("heading", { name: "Opening" })).toBeVisible();
  });

  test("does not mix up two sessions when the first one answers last", async () => {
    const slow = network.api.session("Slow", minutesAgo(0));
    network.api.session("Quick", minutesAgo(1));
    const answer = held<Reply>();
    network.interfere = (_, path) => (path === `/api/v1/sessions/${slow.id}` ? answer.promise : undefined);
    const { person } = open(`/sessions/${slow.id}`);
    await person.click(await screen.findByRole("link", { name: /Quick/ }));
    await screen.findByRole("heading", { name: "Quick" });
    answer.release(network.api.handle("GET", `/api/v1/sessions/${slow.id}`));
    await waitFor(() => {
      expect(screen.queryByRole("heading", { name: "Slow" })).not.toBeInTheDocument();
    });
  });
});

describe("checking in", () => {
  test.each([
    ["on time", 5, "Ada Lovelace is checked in, on time.", "On time"],
    ["late", 30, "Ada Lovelace is checked in, late.", "Late"],
  ])("%s is said, marked and counted", async (_, minutes, said, mark) => {
    const session = network.api.session("Opening", minutesAgo(minutes), 2);
    network.api.participant("Ada Lovelace");
    const { person } = open(`/sessions/${session.id}`);
    await person.click(await checkIn("Ada Lovelace"));
    expect(await screen.findByText(said)).toBeVisible();
    await waitFor(async () => {
      expect(await row("Ada Lovelace")).toHaveTextContent(mark);
    });
    expect(await desk()).toHaveTextContent("1 of 2 checked in");
    expect(await screen.findByRole("link", { name: /Opening.*1 of 2/ })).toBeVisible();
    expect(screen.queryByRole("button", { name: "Check in Ada Lovelace" })).not.toBeInTheDocument();
  });

  test("is read out by screen readers: the region is there before its text", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    network.api.participant("Ada Lovelace");
    const { person } = open(`/sessions/${session.id}`);
    const button = await checkIn("Ada Lovelace");
    const [region] = within(await desk()).getAllByRole("status");
    expect(region).toBeEmptyDOMElement();
    await person.click(button);
    await waitFor(() => {
      expect(region).toHaveTextContent("Ada Lovelace is checked in, on time.");
    });
  });

  test("by keyboard goes on from the same row", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    network.api.participant("Ada Lovelace");
    const { person } = open(`/sessions/${session.id}`);
    (await checkIn("Ada Lovelace")).focus();
    await person.keyboard("{Enter}");
    await waitFor(async () => {
      expect(await row("Ada Lovelace")).toHaveFocus();
    });
  });

  test("of somebody whom another desk has checked in meanwhile says so", async () => {
    const session = network.api.session("Opening", minutesAgo(60));
    const ada = network.api.participant("Ada Lovelace");
    const { person } = open(`/sessions/${session.id}`);
    const button = await checkIn("Ada Lovelace");
    network.api.checkIn(session, ada, minutesAgo(30));
    await person.click(button);
    expect(await screen.findByText(/^Ada Lovelace was already checked in at .+, late\.$/)).toBeVisible();
  });

  test("to a full session is refused, with the reason and without another try", async () => {
    const session = network.api.session("Tiny", minutesAgo(0), 1);
    network.api.participant("Ada Lovelace");
    const { person } = open(`/sessions/${session.id}`);
    const button = await checkIn("Ada Lovelace");
    network.api.checkIn(session, network.api.participant("Grace Hopper"));
    await person.click(button);
    const alert = await within(await desk()).findByRole("alert");
    expect(alert).toHaveTextContent("Ada Lovelace is not checked in. All 1 places of this session are taken.");
    expect(within(alert).queryByRole("button")).not.toBeInTheDocument();
    expect(await within(await desk()).findByText("Full")).toBeVisible();
  });

  test("without a connection can be tried again", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    network.api.participant("Ada Lovelace");
    const { person } = open(`/sessions/${session.id}`);
    const button = await checkIn("Ada Lovelace");
    network.interfere = (method) => (method === "POST" ? noConnection() : undefined);
    await person.click(button);
    const alert = await screen.findByRole("alert");
    expect(alert).toHaveTextContent("Ada Lovelace is not checked in. The server cannot be reached.");
    network.interfere = () => undefined;
    await person.click(within(alert).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Ada Lovelace is checked in, on time.")).toBeVisible();
    expect(screen.queryByRole("alert")).not.toBeInTheDocument();
  });

  test("is sent once, however often the button is pressed", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    network.api.participant("Ada Lovelace");
    const answer = held<Reply>();
    network.interfere = (method) => (method === "POST" ? answer.promise : undefined);
    const { person } = open(`/sessions/${session.id}`);
    const button = await checkIn("Ada Lovelace");
    await person.dblClick(button);
    expect(button).toHaveTextContent("Checking in…");
    expect(button).toHaveFocus();
    expect(network.asked.filter((line) => line.startsWith("POST"))).toHaveLength(1);
  });
});

describe("the participants", () => {
  test("are found by parts of name and address, without accents, in any order", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    for (const name of ["Zoë Kravitz", "Zora Neale Hurston", "Ada Lovelace"]) {
      network.api.participant(name);
    }
    const { person } = open(`/sessions/${session.id}`);
    await person.type(await screen.findByLabelText("Find a participant"), "krav ZOE");
    expect(screen.getByText("Zoë Kravitz")).toBeVisible();
    expect(screen.queryByText("Zora Neale Hurston")).not.toBeInTheDocument();
    await person.type(screen.getByLabelText("Find a participant"), " q");
    expect(screen.getByText("Nobody matches “krav ZOE q”.")).toBeVisible();
  });

  test("are all known, though the API gives 100 at a time, and 50 are shown", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    for (let number = 100; number < 330; number++) {
      network.api.participant(`Person ${String(number)}`);
    }
    const { person } = open(`/sessions/${session.id}`);
    expect(await screen.findByText("50 of 230 participants shown.")).toBeVisible();
    expect(screen.getAllByRole("button", { name: /Check in Person/ })).toHaveLength(50);
    await person.type(screen.getByLabelText("Find a participant"), "329");
    expect(screen.getByText("Person 329")).toBeVisible();
  });

  test("can be added one after the other, from the first one on", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    const { person } = open(`/sessions/${session.id}`);
    expect(await screen.findByText(/There are no participants yet/)).toBeVisible();
    for (const name of ["Ada", "Grace"]) {
      for (const [label, text] of [
        ["Name", name],
        ["Email", `${name}@Example.org`],
      ] as const) {
        const input = within(await desk()).getByLabelText(label);
        expect(input).toHaveValue("");
        await person.clear(input); // user-event keeps a value of its own, and does not notice that a form was reset
        await person.type(input, text);
      }
      await person.click(screen.getByRole("button", { name: "Add participant" }));
      expect(await screen.findByText(`${name} is in the list now.`)).toBeVisible();
      expect(await checkIn(name)).toBeVisible();
      expect(within(await desk()).getByLabelText("Name")).toHaveFocus();
    }
  });

  test("have an email address of their own", async () => {
    const session = network.api.session("Opening", minutesAgo(0));
    network.api.participant("Ada");
    const { person } = open(`/sessions/${session.id}`);
    await person.click(await screen.findByText("New participant"));
    await person.type(within(await desk()).getByLabelText("Name"), "Another Ada");
    await person.type(within(await desk()).getByLabelText("Email"), "ADA@example.org");
    await person.click(screen.getByRole("button", { name: "Add participant" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("There is a participant with this email address.");
    expect(within(await desk()).getByLabelText("Name")).toHaveValue("Another Ada");
  });
});
