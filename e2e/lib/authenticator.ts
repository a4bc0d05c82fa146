/** Authenticators for passkeys, as Chromium pretends to have them. */

import type { CDPSession, Page } from '@playwright/test';

/** Those of one page. */
export class Authenticators {
  readonly #session: CDPSession;

  private constructor(session: CDPSession) {
    this.#session = session;
  }

  static async of(page: Page): Promise<Authenticators> {
    const session = await page.context().newCDPSession(page);
    await session.send('WebAuthn.enable');
    return new Authenticators(session);
  }

  /** Adds one that recognises its user, and is touched by itself. */
  async add(transport: 'internal' | 'usb', hasPrf = true): Promise<string> {
    const { authenticatorId } = await this.#session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        ctap2Version: 'ctap2_1',
        transport,
        hasResidentKey: true,
        hasUserVerification: true,
        hasPrf,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return authenticatorId;
  }

  /** It is touched, or waits. */
  async touch(authenticatorId: string, enabled: boolean): Promise<void> {
    await this.#session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
  }

  /** From now on it recognises nobody, as after a prompt that was closed. */
  async refuse(authenticatorId: string): Promise<void> {
    await this.#session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  }
}
