// Reasons and notes of the reader, which it gives in English, in the page's language.

const LAY = {
  "turned 90 degrees to the right": "오른쪽으로 90도 돌아간",
  "turned 180 degrees": "180도 돌아간",
  "turned 90 degrees to the left": "왼쪽으로 90도 돌아간",
  "with inverted greys": "흑백이 뒤집힌",
};

const lay = (found) => found.split(" and ").map((part) => LAY[part] ?? part).join(", ");

const KOREAN = [
  [/^not a JPEG, PNG, TIFF or DICOM file$/, () => "JPEG, PNG, TIFF, DICOM 파일이 아닙니다"],
  [/^the file is empty$/, () => "빈 파일입니다"],
  [/^damaged or truncated (\w+)\b.*$/, (kind) => `손상되었거나 잘린 ${kind} 파일입니다`],
  [/^larger than (\d+) MB$/, (most) => `${most} MB보다 큽니다`],
  [/^(\d+) x (\d+) pixels, and at most (\d+) megapixels are read$/,
    (w, h, most) => `${w} x ${h} 픽셀입니다. ${most}메가픽셀까지만 읽습니다`],
  [/^the picture has no pixels$/, () => "픽셀이 없는 사진입니다"],
  [/^more than one frame or page, where a film has one$/, () => "프레임이나 쪽이 둘 이상입니다. 사진은 하나여야 합니다"],
  [/^not enough memory to decode it$/, () => "메모리가 모자라 풀 수 없습니다"],
  [/^a DICOM object without pixel data$/, () => "픽셀이 없는 DICOM입니다"],
  [/^DICOM whose compressed picture is truncated$/, () => "압축된 사진이 잘린 DICOM입니다"],
  [/^DICOM whose pixels \((.+)\) cannot be decoded$/, (name) => `DICOM의 픽셀(${name})을 풀 수 없습니다`],
  [/^modality (.+) is not a radiograph$/, (name) => `X선 사진이 아닌 검사입니다(${name})`],
  [/^body part (.+) is not the chest$/, (name) => `흉부가 아닌 부위입니다(${name})`],
  [/^view (.+) is not frontal$/, (name) => `정면 촬영이 아닙니다(${name})`],
  [/^too small \((.+) pixels\)$/, (size) => `너무 작습니다(${size} 픽셀)`],
  [/^too long and narrow for a chest film \((.+) pixels\)$/,
    (size) => `흉부 사진으로는 너무 길고 좁습니다(${size} 픽셀)`],
  [/^a colour picture, not a radiograph$/, () => "컬러 사진이며 X선 사진이 아닙니다"],
  [/^blank: almost the same grey everywhere$/, () => "빈 사진입니다. 거의 어디나 같은 회색입니다"],
  [/^drawn in a few grey levels, not a radiograph$/, () => "회색 몇 단계로 그린 그림이며 X선 사진이 아닙니다"],
  [/^clipped: most of the middle is wholly black or white$/, () => "가운데 대부분이 완전히 검거나 흽니다"],
  [/^far from the films that the model has seen$/, () => "모델이 본 사진과 거리가 멉니다"],
  [/^not like a frontal chest radiograph$/, () => "흉부 정면 X선 사진 같지 않습니다"],
  [/^which way up it lies, or whether bone is bright, is not certain$/,
    () => "어느 쪽이 위인지, 뼈가 밝은지 확실하지 않습니다"],
  [/^perhaps (.+), which is not certain$/, (found) => `${lay(found)} 사진일 수 있으나 확실하지 않습니다`],
  [/^film (.+): mended$/, (found) => `${lay(found)} 사진이라 바로잡았습니다`],
  [/^the network gave no number$/, () => "신경망이 수를 내지 못했습니다"],
  [/^raw detector data \(for processing\)$/, () => "처리 전 검출기 자료입니다"],
  [/^(\d+)-bit samples use (\d+) bits only$/, (has, used) => `${has}비트 표본 가운데 ${used}비트만 씁니다`],
];

/** `text` in `language`; what has no translation stays as the reader says it. */
export function reasonIn(language, text) {
  if (language !== "ko") return text.charAt(0).toUpperCase() + text.slice(1);
  for (const [pattern, say] of KOREAN) {
    const found = pattern.exec(text);
    if (found) return say(...found.slice(1));
  }
  return text;
}
