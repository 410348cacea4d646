import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { problem, type Reply } from "../fake-api";
import { fakeNetwork, held, minutesAgo, type Network, noConnection, open } from "./page";

let network: Network;
beforeEach(() => {
  network = fakeNetwork();
});

const list = () => screen.findByRole("region", { name: "Sessions" });

describe("the list of sessions", () => {
  test("says that it is loading until the sessions are there", async () => {
    const answer = held<Reply | undefined>();
    network.api.session("Opening", minutesAgo(0));
    network.interfere = (_, path) =>
      path.startsWith("/api/v1/sessions") ? (answer.promise as Promise<Reply>) : undefined;
    open();
    expect(screen.getByText("Loading sessions…")).toBeVisible();
    answer.release(network.api.handle("GET", "/api/v1/sessions?limit=20&offset=0"));
    expect(await screen.findByText("Opening")).toBeVisible();
    expect(screen.queryByText("Loading sessions…")).not.toBeInTheDocument();
  });

  test("shows title, start, and how many have checked in", async () => {
    const session = network.api.session("Opening", new Date("2030-05-01T09:00:00Z"), 2);
    network.api.checkIn(session, network.api.participant("Ada Lovelace"));
    open();
    const card = await screen.findByRole("link", { name: /Opening/ });
    expect(card).toHaveAttribute("href", `/sessions/${session.id}`);
    expect(card).toHaveTextContent("1 of 2 checked in");
    expect(within(card).getByText(/2030/)).toHaveAttribute("datetime", "2030-05-01T09:00:00.000Z");
    expect(card).not.toHaveTextContent("Full");
  });

  test("marks a session whose places are all taken", async () => {
    const session = network.api.session("Tiny", minutesAgo(0), 1);
    network.api.checkIn(session, network.api.participant("Ada Lovelace"));
    open();
    expect(await screen.findByRole("link", { name: /Tiny.*Full/ })).toBeVisible();
  });

  test("invites to create the first session where there is none", async () => {
    open();
    expect(await screen.findByText(/There are no sessions yet/)).toBeVisible();
    expect(screen.getByLabelText("Title")).toBeVisible();
  });

  test("says why it cannot be shown, and shows it after another try", async () => {
    network.api.session("Opening", minutesAgo(0));
    network.interfere = () =>
      problem(503, "Service Unavailable", "The database does not answer. Try again in a moment.");
    const { person } = open();
    const alert = await within(await list()).findByRole("alert");
    expect(alert).toHaveTextContent("The database does not answer. Try again in a moment.");
    expect(alert).toHaveTextContent("4bf92f3577b34da6a3ce929d0e0e4736");
    network.interfere = () => undefined;
    await person.click(within(alert).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Opening")).toBeVisible();
    expect(screen.queryByRole("alert")).not.toBeInTheDocument();
  });

  test("stays when a refresh fails, and says that it may be old", async () => {
    network.api.session("Opening", minutesAgo(0));
    const { person } = open();
    await screen.findByText("Opening");
    network.interfere = noConnection;
    await person.click(screen.getByRole("button", { name: "Refresh" }));
    expect(await screen.findByText("This list may be out of date.")).toBeVisible();
    expect(screen.getByText("Opening")).toBeVisible();
    expect(screen.getByRole("alert")).toHaveTextContent("The server cannot be reached.");
  });

  test("grows on demand", async () => {
    for (let number = 1; number <= 25; number++) {
      network.api.session(`Session ${String(number)}`, minutesAgo(number));
    }
    const { person } = open();
    await person.click(await screen.findByRole("button", { name: "Show more (5 left)" }));
    expect(await screen.findByText("Session 25")).toBeVisible();
    expect(screen.getAllByRole("link", { name: /Session/ })).toHaveLength(25);
    expect(screen.queryByRole("button", { name: /Show more/ })).not.toBeInTheDocument();
  });

  test("is looked up again when the person comes back to the page", async () => {
    open();
    await screen.findByText(/There are no sessions yet/);
    network.api.session("From another desk", minutesAgo(0));
    document.dispatchEvent(new Event("visibilitychange"));
    expect(await screen.findByText("From another desk")).toBeVisible();
  });
});

describe("a new session", () => {
  test("is created with its start in UTC, and its desk is opened", async () => {
    const { person } = open();
    await person.type(await screen.findByLabelText("Title"), "  Keynote ");
    const starts = screen.getByLabelText("Starts");
    await person.clear(starts);
    await person.type(starts, "2030-05-01T11:00");
    await person.clear(screen.getByLabelText("Places"));
    await person.type(screen.getByLabelText("Places"), "3");
    await person.click(screen.getByRole("button", { name: "Create session" }));
    expect(await screen.findByRole("heading", { name: "Keynote" })).toHaveFocus();
    expect(network.api.sessions).toMatchObject([
      { title: "Keynote", starts_at: new Date("2030-05-01T11:00").toISOString(), capacity: 3 },
    ]);
    expect(window.location.pathname).toBe(`/sessions/${network.api.sessions[0]?.id ?? ""}`);
    expect(document.title).toBe("Keynote · Check-in");
    expect(await screen.findByRole("link", { name: /Keynote/ })).toHaveAttribute("aria-current", "true");
  });

  test("that the server refuses keeps its inputs, each with what is wrong", async () => {
    const { person } = open();
    const title = await screen.findByLabelText("Title");
    await person.type(title, "   ");
    await person.click(screen.getByRole("button", { name: "Create session" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("Not saved. Please look at what is marked.");
    expect(title).toBeInvalid();
    expect(title).toHaveAccessibleDescription("String should have at least 1 character");
    expect(screen.getByLabelText("Places")).toHaveValue(20);
    expect(screen.getByRole("button", { name: "Create session" })).toBeEnabled();
  });
});

describe("the footer", () => {
  test("names the release and the revision that serve", async () => {
    open();
    await waitFor(() => {
      expect(screen.getByRole("contentinfo")).toHaveTextContent("Release r-42 · revision 0123456789ab");
    });
  });

  test("says so when the release cannot be found out", async () => {
    network.interfere = noConnection;
    open();
    expect(await screen.findByText("Release unknown")).toBeVisible();
  });
});
