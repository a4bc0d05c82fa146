/** QR codes out of pictures: the browser's own detector where there is one, ours (`qr`) otherwise. */

import { decodeQR } from 'qr/decode.js';

interface Detector {
  detect(source: ImageBitmapSource): Promise<{ rawValue: string }[]>;
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

const LARGEST_SIDE = 1600;

let native: Promise<Detector | null> | null = null;

async function findDetector(): Promise<Detector | null> {
  const Class = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (!Class) return null;
  const formats = await Class.getSupportedFormats().catch((): string[] => []);
  return formats.includes('qr_code') ? new Class({ formats: ['qr_code'] }) : null;
}

/** The pixels of a picture, scaled down to what decoding needs. */
function pixels(source: CanvasImageSource, width: number, height: number): ImageData | null {
  const scale = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

async function decode(source: ImageBitmap | HTMLVideoElement, width: number, height: number): Promise<string | null> {
  native ??= findDetector();
  const detector = await native;
  const seen = await detector?.detect(source).catch(() => null);
  if (seen?.[0]) return seen[0].rawValue;
  const image = pixels(source, width, height);
  if (!image) return null;
  try {
    return decodeQR(image, { timeLimit: 100 });
  } catch {
    return null; // no code in this picture: that is how the decoder says so
  }
}

/** The text of a code that the camera sees now, or `null`. */
export async function decodeFrame(video: HTMLVideoElement): Promise<string | null> {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return null;
  return decode(video, video.videoWidth, video.videoHeight);
}

/** The text of a code in a picture file, or `null`. */
export async function decodeImage(file: Blob): Promise<string | null> {
  const bitmap = await createImageBitmap(file);
  try {
    return await decode(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}
