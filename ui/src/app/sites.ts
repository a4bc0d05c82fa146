/** Sites that the user let in, where somebody keeps that: the extension does. */

/** A site, by the origin of its frame and of the page around it. */
export interface SiteName {
  origin: string;
  topLevel: string;
}

/** A site that may ask for payments. */
export interface ConnectedSite extends SiteName {
  /** It may see the balance. */
  balance: boolean;
}

/** Access to what is kept about sites. Every method throws when it fails. */
export interface SiteRecordsAccess {
  /** Returns who had which payment made, by its id. */
  payers(): Promise<ReadonlyMap<string, string>>;
  /** Returns the sites that the user let in. */
  list(): Promise<ConnectedSite[]>;
  /** Takes back what a site may do, and closes its budget. */
  disconnect(site: SiteName): Promise<void>;
  /** Deletes all of it: the wallet was deleted. */
  forget(): Promise<void>;
}
