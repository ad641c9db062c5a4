<?php
// A handler for meta-consumer.

declare(strict_types=1);

// What is thrown is logged and a 500; where it were shown, it would be a 200 that is no answer.
ini_set('display_errors', '0');

// Your answer: a list of actions.
function decide(array $event): array
{
    if ($event['kind'] === 'message' && str_contains($event['text'] ?? '', 'deliver')) {
        return [['reply' => ['text' => 'Yes, daily.']], 'mark_read'];
    }
    return [];
}

function is_genuine(string $body): bool
{
    $secret = trim(file_get_contents(getenv('SECRET_FILE')));
    $stamp = $_SERVER['HTTP_META_TIMESTAMP'] ?? '';
    return hash_equals('sha256=' . hash_hmac('sha256', "$stamp.$body", $secret),
                       $_SERVER['HTTP_META_SIGNATURE'] ?? '')
        && abs(time() - (int) $stamp) < 300;
}

$body = file_get_contents('php://input');
if (!is_genuine($body)) {
    http_response_code(401);
    exit;
}

$event = json_decode($body, true, 1024, JSON_BIGINT_AS_STRING | JSON_THROW_ON_ERROR);
header('Content-Type: application/json');
echo json_encode(['actions' => decide($event)], JSON_THROW_ON_ERROR);
