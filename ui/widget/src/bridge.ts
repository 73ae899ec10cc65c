// What the loader (on the website's page) and the panel (in the hub's frame) tell each other. Each checks the other's origin.

export type Page = { url: string; title: string; referrer: string };

// Kept is what the website's own storage holds for this channel: a frame's storage may be partitioned or blocked.
export type Kept = Record<string, string>;

export type ToPanel =
  | {
      parley: "init";
      kept: Kept;
      page: Page;
      lang: string;
      theme: string;
      color: string;
      open: boolean;
      modal: boolean;
      identity: string;
    }
  | { parley: "open"; modal: boolean }
  | { parley: "closed" }
  | { parley: "page"; page: Page }
  | { parley: "identify"; token: string };

export type ToLoader =
  | { parley: "keep"; key: string; value: string | null }
  | { parley: "close" }
  | { parley: "unread"; count: number; label: string }
  | { parley: "event"; name: string; detail: unknown };
