import type { ComponentProps } from "react";

interface Props extends Omit<ComponentProps<"a">, "href" | "onClick"> {
  to: string;
  go: (path: string) => void;
}

/** A link within the page: an ordinary one, except that a plain click does not load the page again. */
export function Link({ to, go, children, ...rest }: Props) {
  return (
    <a
      {...rest}
      href={to}
      onClick={(event) => {
        if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
          event.preventDefault();
          go(to);
        }
      }}
    >
      {children}
    </a>
  );
}
