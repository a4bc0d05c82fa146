/** The place at the side of the browser's window where the popup can stay open: Chrome's side panel, Firefox' sidebar. */

/** Firefox' own, which Chrome's types do not know. */
const { sidebarAction } = (globalThis as { browser?: { sidebarAction?: { open(): Promise<void> } } }).browser ?? {};

/** This window, found ahead: nothing may come between the user's click and the opening. */
let here: number | undefined;
if (chrome.sidePanel !== undefined) void chrome.windows.getCurrent().then(({ id }) => (here = id));

/** True if there is such a place. */
export const hasSide: boolean = chrome.sidePanel !== undefined || sidebarAction !== undefined;

/** Opens it. To be called in the user's click. */
export async function openSide(): Promise<void> {
  if (sidebarAction !== undefined) await sidebarAction.open();
  else if (here !== undefined) await chrome.sidePanel.open({ windowId: here });
}
