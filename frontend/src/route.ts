import { useCallback, useSyncExternalStore } from "react";

/** The page's two kinds of address, which nginx/server.conf knows too: / and /sessions/{id}. */
const SESSION = /^\/sessions\/([0-9a-f-]{36})$/;

export function sessionPath(id: string): string {
  return `/sessions/${id}`;
}

/** Returns the session that the address names, and a function that goes to another address without loading the page again. */
export function useRoute(): { sessionId: string | undefined; go: (path: string) => void } {
  const path = useSyncExternalStore(subscribe, () => window.location.pathname);
  const go = useCallback((to: string) => {
    if (to !== window.location.pathname) {
      window.history.pushState(null, "", to);
      window.dispatchEvent(new PopStateEvent("popstate"));
    }
  }, []);
  return { sessionId: SESSION.exec(path)?.[1], go };
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("popstate", changed);
  return () => {
    window.removeEventListener("popstate", changed);
  };
}
